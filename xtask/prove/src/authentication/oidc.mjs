// An issuer of tokens: the OpenID provider of npm, with what a proof has to steer.
//   node oidc.mjs PORT KEY CERTIFICATE KID STEERING-PORT [NAME CLAIMS]
import { createServer as https } from "node:https";
import { createServer as http } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { Provider } from "oidc-provider";

const [port, key, cert, kid, steering, name, claims] = process.argv.slice(2);
const base = `https://127.0.0.1:${port}`;
const issuer = name ?? base;
const pair = (type, options, alg, id) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: "jwk" }),
  alg, use: "sig", kid: id,
});
const keys = [
  pair("rsa", { modulusLength: 2048 }, "RS256", kid),
  pair("ec", { namedCurve: "P-256" }, "ES256", `${kid}-ec`),
];
const audience = "urn:tradewind";
const client = (name) => ({
  client_id: name, client_secret: "correct horse battery staple", redirect_uris: [],
  response_types: [], grant_types: ["client_credentials"],
});
const provider = new Provider(issuer, {
  clients: [client("shop"), client("till"), { ...client("mill"), token_endpoint_auth_method: "client_secret_post" }],
  jwks: { keys },
  scopes: ["publish", "read"],
  extraTokenClaims: () => (claims ? JSON.parse(claims) : undefined),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: (_, indicator) => ({
        scope: "publish read", audience: indicator.replace(":ec", ""),
        accessTokenTTL: 600, accessTokenFormat: "jwt",
        jwt: { sign: { alg: indicator.endsWith(":ec") ? "ES256" : "RS256" } },
      }),
    },
  },
});
let asked = 0;
const handle = provider.callback();
const server = https({ key: readFileSync(key), cert: readFileSync(cert) }, (req, res) => {
  if (req.url.startsWith("/jwks")) asked += 1;
  handle(req, res);
});
const token = (query) => new Promise((done, failed) => {
  const body = new URLSearchParams({ grant_type: "client_credentials" });
  for (const name of ["scope", "resource"]) if (query.get(name)) body.set(name, query.get(name));
  const basic = Buffer.from(`${query.get("client")}:correct%20horse%20battery%20staple`).toString("base64");
  const ask = request(`${base}/token`, {
    // It asks itself.
    method: "POST", rejectUnauthorized: false,
    headers: { "content-type": "application/x-www-form-urlencoded", authorization: `Basic ${basic}` },
  }, (res) => {
    let text = "";
    res.on("data", (part) => (text += part));
    res.on("end", () => done(text));
  });
  ask.on("error", failed);
  ask.end(body.toString());
});
const steered = {
  "/asked": () => String(asked),
  "/token": (url) => token(url.searchParams),
};
server.listen(Number(port), "127.0.0.1", () => {
  http(async (req, res) => {
    const url = new URL(req.url, "http://steering");
    try {
      res.end(await steered[url.pathname](url));
    } catch (error) {
      res.statusCode = 500;
      res.end(String(error));
    }
  }).listen(Number(steering), "127.0.0.1");
});
