// What the gateway proves itself to, and where it gets its proofs: functions that verify tokens by `jose`, and
// servers of tokens in the forms of Google and Entra.
//   node world.mjs PORT MUTUAL-PORT METADATA-PORT STEERING-PORT FOLDER ISSUER
import { createServer as https } from "node:https";
import { createServer as http } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SignJWT, createRemoteJWKSet, jwtVerify } from "jose";

const [port, mutual, metadata, steering, folder, issuer] = process.argv.slice(2);
const own = `https://127.0.0.1:${port}`;
const file = (name) => readFileSync(join(folder, name));
const rsa = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
const google = { name: "https://accounts.google.com", pair: rsa(), kid: "g1" };
const entra = { name: `${own}/tenant/v2.0`, pair: rsa(), kid: "e1" };
const account = rsa();
const workload = rsa();
const oidc = createRemoteJWKSet(new URL(`${issuer}/jwks`), { cooldownDuration: 0 });
const secrets = JSON.parse(process.env.SECRETS);
const arrived = {};
const issued = [];
let asked = 0;
let refused = 0;
let down = false;

writeFileSync(join(folder, "account.json"), JSON.stringify({
  type: "service_account", client_email: "gateway@project.iam", private_key_id: "a1",
  private_key: account.privateKey.export({ type: "pkcs8", format: "pem" }),
  token_uri: `${own}/google/token`,
}));
const sign = (key, kid, claims) => new SignJWT(claims)
  .setProtectedHeader({ alg: "RS256", kid }).setIssuedAt().setExpirationTime("1h").setJti(randomUUID()).sign(key);
writeFileSync(join(folder, "workload"), await sign(workload.privateKey, "w1", {
  iss: "https://kubernetes.example", sub: "system:serviceaccount:gateway", aud: "api://AzureADTokenExchange",
}));

const give = async (who, audience) => {
  const token = await sign(who.pair.privateKey, who.kid, { iss: who.name, aud: audience, sub: "gateway" });
  issued.push(token);
  return token;
};
const body = async (req) => {
  let text = "";
  for await (const part of req) text += part;
  return text;
};
const bearer = (req) => /^Bearer (\S+)$/.exec(req.headers.authorization ?? "")?.[1] ?? "";
const equal = (found, expected) => {
  if (found !== expected) throw new Error("another credential");
};
const basic = (secret) => `Basic ${Buffer.from(`user:${secret}`).toString("base64")}`;
const byIssuer = async (req) => {
  issued.push(bearer(req));
  await jwtVerify(bearer(req), oidc, { issuer, audience: "urn:tradewind", algorithms: ["RS256"] });
};
const byGoogle = (audience) => (req) => jwtVerify(bearer(req), google.pair.publicKey, {
  issuer: google.name, audience, algorithms: ["RS256"],
});
const byEntra = (req) => jwtVerify(bearer(req), entra.pair.publicKey, {
  issuer: entra.name, audience: "api://function", algorithms: ["RS256"],
});
// A function by path, and what it takes for a proof.
const functions = {
  "/oauth-basic": byIssuer,
  "/oauth-post": byIssuer,
  "/cloud-run": byGoogle(own),
  "/function": byGoogle(`${own}/function`),
  "/managed": byEntra,
  "/workload": byEntra,
  "/client": byEntra,
  "/function-key": (req) => equal(req.headers["x-functions-key"], secrets.key),
  "/header": (req) => equal(req.headers["x-api-key"], secrets.key),
  "/query": (req) => equal(new URL(req.url, own).searchParams.get("code"), secrets.key),
  "/basic": (req) => equal(req.headers.authorization, basic(secrets.key)),
  "/bearer": (req) => equal(bearer(req), secrets.bearer),
};
// A server of tokens by path, and what it answers to a good question.
const servers = {
  "/google/token": async (form) => {
    equal(form.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
    const { payload } = await jwtVerify(form.get("assertion"), account.publicKey, {
      issuer: "gateway@project.iam", audience: `${own}/google/token`, algorithms: ["RS256"],
    });
    return { id_token: await give(google, payload.target_audience) };
  },
  "/tenant/oauth2/v2.0/token": async (form) => {
    equal(form.get("scope"), "api://function/.default");
    if (form.has("client_assertion")) {
      await jwtVerify(form.get("client_assertion"), workload.publicKey, { audience: "api://AzureADTokenExchange" });
    } else equal(form.get("client_secret"), secrets.key);
    return { access_token: await give(entra, "api://function"), expires_in: 3600 };
  },
};
const answer = async (req, res) => {
  const text = await body(req);
  const path = new URL(req.url, own).pathname;
  const send = (status, value) => {
    res.statusCode = status;
    res.end(value === undefined ? "" : JSON.stringify(value));
  };
  if (servers[path]) {
    asked += 1;
    if (down) return send(503);
    try {
      return send(200, await servers[path](new URLSearchParams(text)));
    } catch {
      return send(401, { error: "invalid_client" });
    }
  }
  try {
    await (functions[path] ?? (() => equal(0, 1)))(req);
  } catch {
    refused += 1;
    // Careless: it repeats what it was shown.
    return send(401, { you: req.headers });
  }
  (arrived[path] ??= []).push(req.headers["ce-id"]);
  send(204);
};
const tls = () => ({ key: file("key.pem"), cert: file("certificate.pem") });
https(tls(), answer).listen(Number(port), "127.0.0.1");
https({ ...tls(), ca: file("callers.pem"), requestCert: true, rejectUnauthorized: true }, async (req, res) => {
  await body(req);
  (arrived["/mutual"] ??= []).push(req.headers["ce-id"]);
  res.statusCode = 204;
  res.end();
}).on("tlsClientError", () => (refused += 1)).listen(Number(mutual), "127.0.0.1");
http(async (req, res) => {
  asked += 1;
  const url = new URL(req.url, "http://metadata");
  const at = (path, header, value) => url.pathname === path && req.headers[header] === value;
  if (down) res.statusCode = 503;
  else if (at("/computeMetadata/v1/instance/service-accounts/default/identity", "metadata-flavor", "Google")) {
    res.write(await give(google, url.searchParams.get("audience")));
  } else if (at("/metadata/identity/oauth2/token", "metadata", "true")) {
    const token = await give(entra, url.searchParams.get("resource"));
    res.write(JSON.stringify({ access_token: token, expires_in: "3600", token_type: "Bearer" }));
  } else res.statusCode = 404;
  res.end();
}).listen(Number(metadata), "127.0.0.1");
const steer = {
  "/arrived": () => arrived,
  "/figures": () => ({ asked, refused }),
  "/issued": () => issued,
  // From now on the functions take tokens by another key only, and these are what is given.
  "/rotate": () => {
    for (const who of [google, entra]) Object.assign(who, { pair: rsa(), kid: `${who.kid}+` });
  },
  "/down": () => (down = true),
  "/up": () => (down = false),
};
http((req, res) => res.end(JSON.stringify(steer[req.url]() ?? null))).listen(Number(steering), "127.0.0.1");
