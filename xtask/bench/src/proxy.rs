//! nginx as reverse proxy, where it is installed: a reference that is not judged.

use crate::process::Process;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether there is one to run.
pub(crate) fn installed() -> bool {
    let asked = Command::new("nginx")
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// One process, so that its CPU time is all there is.
pub(crate) fn start(folder: &Path, to: SocketAddr) -> Result<Process, String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
    let address = listener
        .and_then(|listener| listener.local_addr())
        .map_err(|e| e.to_string())?;
    let config = folder.join("nginx.conf");
    let here = folder.display();
    let text = format!(
        "daemon off; master_process off; pid {here}/pid; error_log stderr crit;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n access_log off; keepalive_requests 100000000; client_body_temp_path {here}/body;\n \
         upstream target {{ server {to}; keepalive 256; keepalive_requests 100000000; }}\n \
         server {{ listen {address}; location / {{ proxy_pass http://target;\n \
         proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }} }}\n"
    );
    std::fs::write(&config, text).map_err(|e| e.to_string())?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(&config);
    let mut process = Process::listening(&mut command, address)?;
    process.ready().map_err(|error| format!("nginx: {error}"))?;
    Ok(process)
}
