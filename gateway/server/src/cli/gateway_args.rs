//! Which gateway a command speaks to.

use super::client::{At, Client};
use super::failure::Failure;
use super::secured::TlsArgs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tradewind_adapter::Secret;
use tradewind_config::{Admin, System};

/// Where the admin API of the gateway is found.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Gateway")]
pub(super) struct GatewayArgs {
    /// Admin API: path of the socket, http://127.0.0.1:PORT, or https://HOST:PORT
    #[arg(long, env = "TRADEWIND_ADMIN")]
    pub(super) admin: Option<String>,
    /// Data directory of the gateway; its socket is admin.sock in it
    #[arg(long, env = "TRADEWIND_DATA_DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Configuration of the gateway, to learn where it listens
    #[arg(long, env = "TRADEWIND_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Token of an admin API on TCP; else read from admin.token in the data directory
    #[arg(long, env = "TRADEWIND_ADMIN_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    #[command(flatten)]
    pub(super) tls: TlsArgs,
}

/// Data directory of a gateway that is started here without any other word.
const USUAL: &str = "tradewind-data";

/// The gateway of the package or of the image.
struct Installed<'a> {
    config: &'a Path,
    data: &'a Path,
}

impl Installed<'static> {
    fn here() -> Self {
        Self {
            config: Path::new("/etc/tradewind/config.yaml"),
            data: Path::new("/var/lib/tradewind"),
        }
    }
}

impl Installed<'_> {
    fn config(&self) -> Option<PathBuf> {
        self.config.exists().then(|| self.config.to_owned())
    }

    /// Where its configuration says. That may not be readable here, since credentials are the unit's alone,
    /// and a relative name is relative to where the gateway was started.
    fn data(&self) -> Option<PathBuf> {
        let checked = tradewind_config::load(self.config, &crate::registry(), &System).ok();
        let said = checked.map(|checked| checked.config.data_dir);
        said.filter(|dir| dir.is_absolute())
            .or_else(|| self.data.exists().then(|| self.data.to_owned()))
    }
}

/// Name of the data directory that `tradewind dev` takes when nobody says another.
pub(super) fn dev_dir() -> PathBuf {
    let user = std::env::var("USER").unwrap_or_else(|_| "me".into());
    let user: String = user
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect();
    std::env::temp_dir().join(format!("tradewind-dev-{user}"))
}

/// The file that is meant when nobody names one: that of the working directory.
pub(super) fn default_config() -> Option<PathBuf> {
    ["tradewind.yaml", "tradewind.yml", "tradewind.toml"]
        .iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}

/// The same, else that of the package or image: for commands that start no gateway.
pub(super) fn config_in_use() -> Option<PathBuf> {
    default_config().or_else(|| Installed::here().config())
}

/// The data directory that is meant when neither it nor a configuration is named.
fn data_in_use(usual: &Path, installed: &Installed<'_>) -> PathBuf {
    let usual = usual.to_owned();
    match usual.exists() {
        true => usual,
        false => installed.data().unwrap_or(usual),
    }
}

impl GatewayArgs {
    /// Its data directory.
    pub(super) fn data(&self) -> Result<PathBuf, Failure> {
        if let Some(dir) = &self.data_dir {
            return Ok(dir.clone());
        }
        match self.config.clone().or_else(default_config) {
            None => Ok(data_in_use(Path::new(USUAL), &Installed::here())),
            Some(config) => {
                let checked = tradewind_config::load(&config, &crate::registry(), &System)
                    .map_err(|e| Failure::config(e.render(false)).hint("name the --data-dir"))?;
                Ok(checked.config.data_dir)
            }
        }
    }
    /// A client for it.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        if let Some(admin) = &self.admin {
            return self.named(admin);
        }
        if let Some(dir) = &self.data_dir {
            return Ok(socket(&dir.join("admin.sock")));
        }
        if let Some(config) = &self.config {
            return self.configured(config);
        }
        if let Some(client) = self.perhaps(default_config())? {
            return Ok(client);
        }
        let usual = Path::new(USUAL).join("admin.sock");
        let installed = Installed::here();
        let socket_there = installed.data.join("admin.sock");
        let dev = dev_dir().join("admin.sock");
        if usual.exists() {
            return Ok(socket(&usual));
        }
        // Only who may see it is meant.
        if socket_there.exists() {
            return Ok(socket(&socket_there));
        }
        if is_ours(&dev) {
            return Ok(socket(&dev));
        }
        // It may listen elsewhere.
        let client = self.perhaps(installed.config())?;
        Ok(client.unwrap_or_else(|| socket(&usual)))
    }

    /// A client by a configuration that nobody named, if it is there and tells.
    fn perhaps(&self, config: Option<PathBuf>) -> Result<Option<Client>, Failure> {
        match config.map(|config| self.configured(&config)).transpose() {
            // What is wrong with the call is so wherever the gateway is.
            Err(failure) if failure.code == 2 => Err(failure),
            client => Ok(client.ok().flatten()),
        }
    }

    fn named(&self, admin: &str) -> Result<Client, Failure> {
        let data = self.data_dir.as_deref();
        if admin.contains("://") && admin.contains(['@', '?']) {
            // It is not repeated: a password may stand in it.
            return Err(Failure::usage("--admin takes no user and no query")
                .hint("https://HOST:PORT, and --token"));
        }
        if let Some(rest) = admin.strip_prefix("https://") {
            let authority = rest.trim_end_matches('/');
            let Some(host) = host(authority) else {
                return Err(Failure::usage(format!("{admin} names no port"))
                    .hint(format!("https://{authority}:PORT")));
            };
            // The token in it may do everything, and is for no other machine.
            return self.tcp(authority, true, data.filter(|_| is_near(host)));
        }
        let bare = admin
            .strip_prefix("unix:")
            .or_else(|| admin.strip_prefix("http://"))
            .unwrap_or(admin)
            .trim_end_matches('/');
        let admin = bare.parse::<Admin>().map_err(Failure::usage)?;
        if admin.is_public() {
            return Err(
                Failure::usage("the token would go over the network unencrypted")
                    .hint(format!("https://{admin}, with --ca")),
            );
        }
        self.at(admin, false, data)
    }

    fn configured(&self, config: &Path) -> Result<Client, Failure> {
        let checked = tradewind_config::load(config, &crate::registry(), &System).map_err(|e| {
            Failure::config(e.render(false))
                .hint("name the gateway by --data-dir or --admin, where its configuration cannot be read here")
        })?;
        let config = checked.config;
        let tls = config.admin_tls.is_some();
        if let Admin::Tcp(address) = &config.admin
            && tls
            && address.ip().is_unspecified()
        {
            let reason = format!("the admin API listens at {address}, which no certificate names");
            return Err(Failure::usage(reason)
                .hint(format!("name it: --admin https://HOST:{}", address.port())));
        }
        self.at(config.admin, tls, Some(&config.data_dir))
    }

    fn at(&self, admin: Admin, tls: bool, data_dir: Option<&Path>) -> Result<Client, Failure> {
        match admin {
            Admin::Socket(path) => Ok(socket(&path)),
            Admin::Tcp(address) => self.tcp(&address.to_string(), tls, data_dir),
        }
    }

    fn tcp(&self, authority: &str, tls: bool, data_dir: Option<&Path>) -> Result<Client, Failure> {
        let token = match (&self.token, data_dir) {
            (Some(token), _) => Some(token.clone()),
            // A certificate is shown, and means something else than the token.
            _ if self.tls.shows_certificate() => None,
            (None, Some(dir)) => {
                let path = dir.join("admin.token");
                Some(std::fs::read_to_string(&path).map_err(|error| {
                    Failure::new(format!("cannot read {}: {error}", path.display()))
                })?)
            }
            (None, None) => {
                let hint = match &self.data_dir {
                    Some(_) => "name its --token; that of --data-dir is another gateway's",
                    None => "name its --data-dir, or set TRADEWIND_ADMIN_TOKEN",
                };
                return Err(Failure::usage("an admin API on TCP needs its token").hint(hint));
            }
        };
        Ok(Client::new(At::Tcp {
            authority: authority.to_owned(),
            token: token.map(|token| Secret::new(token.trim())),
            tls: tls.then(|| self.tls.client()).transpose()?,
        }))
    }
}

/// The host of `HOST:PORT`.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = authority.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    Some(host.trim_start_matches('[').trim_end_matches(']'))
}

/// Whether it is this machine.
fn is_near(host: &str) -> bool {
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

fn socket(path: &Path) -> Client {
    Client::new(At::Socket(path.to_owned()))
}

/// Whether the file belongs to whoever runs this: in a folder that all can write to, another user
/// may have put a socket of that name.
fn is_ours(path: &Path) -> bool {
    let me = tempfile::tempfile().and_then(|file| file.metadata());
    match (path.metadata(), me) {
        (Ok(there), Ok(me)) => there.uid() == me.uid(),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_data_of_a_gateway_that_nobody_names() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let (usual, config, data) = (at("tradewind-data"), at("config.yaml"), at("lib"));
        let installed = Installed {
            config: &config,
            data: &data,
        };
        let found = || data_in_use(&usual, &installed);

        assert_eq!((found(), installed.config()), (usual.clone(), None));
        std::fs::create_dir(&data).unwrap();
        assert_eq!(found(), data);
        let elsewhere = at("elsewhere");
        for (file, expected) in [
            (format!("data-dir: {}\n", elsewhere.display()), &elsewhere),
            ("data-dir: relative\n".into(), &data),
            ("listen: 127.0.0.1:8080\n".into(), &data),
            ("data-dir: ${credential:there-is-none}\n".into(), &data),
        ] {
            std::fs::write(&config, &file).unwrap();
            assert_eq!(&found(), expected, "{file}");
        }
        assert_eq!(installed.config(), Some(config.clone()));
        std::fs::create_dir(&usual).unwrap();
        assert_eq!(found(), usual);
    }
}
