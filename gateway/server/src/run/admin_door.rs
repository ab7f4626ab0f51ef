//! Where the admin API listens: a private socket, or an address with a token.

use super::serve::{Error, machine};
use crate::admin::{Guard, token};
use crate::ingress::Listener;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::net::{TcpListener, UnixListener};
use tradewind_config::Admin;

/// Opens it; the address is the one that was really taken.
pub(super) async fn bind_admin(
    admin: &Admin,
    data: &Path,
) -> Result<(Admin, Guard, Listener), Error> {
    match admin {
        Admin::Socket(path) => {
            let listener = bind_socket(path)
                .map_err(machine(format!("listen on the socket {}", path.display())))?;
            Ok((admin.clone(), Guard::Socket, Listener::Unix(listener)))
        }
        Admin::Tcp(address) => {
            let listener = TcpListener::bind(address)
                .await
                .map_err(machine(format!("listen on {address}")))?;
            let bound = listener
                .local_addr()
                .map_err(machine("read the admin address"))?;
            let token = token().map_err(Error::Other)?;
            let path = data.join("admin.token");
            write_private(data, &path, token.expose())
                .map_err(machine(format!("write {}", path.display())))?;
            Ok((
                Admin::Tcp(bound),
                Guard::Token(token),
                Listener::Tcp(listener),
            ))
        }
    }
}

/// Made in a private folder and moved into place: at no moment can anybody else open it, and what a
/// killed gateway left behind is replaced.
fn bind_socket(path: &Path) -> std::io::Result<UnixListener> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    let private = tempfile::Builder::new().prefix(".a").tempdir_in(parent)?;
    let made = private.path().join("s");
    let listener = UnixListener::bind(&made)?;
    std::fs::set_permissions(&made, PermissionsExt::from_mode(0o600))?;
    std::fs::rename(&made, path)?;
    Ok(listener)
}

fn write_private(dir: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
