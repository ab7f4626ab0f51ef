//! A RabbitMQ of one's own, which two adapters are tested with.

use super::{Server, free_port};
use std::path::Path;
use std::process::Command;

/// With these plugins, these settings (those of TLS make the port a port of TLS), and what `more` writes, which knows
/// the folder.
pub async fn rabbitmq(
    plugins: &'static str,
    settings: &'static str,
    more: impl Fn(&Path) -> String + Send + Sync + 'static,
) -> Option<Server> {
    let (distribution, mapper) = (free_port(), free_port());
    // The one in the path goes through `su`.
    let program = "/usr/lib/rabbitmq/bin/rabbitmq-server";
    let server = Server::start("rabbitmq", program, move |command, folder, port| {
        let home = folder.join("home");
        std::fs::create_dir_all(&home).unwrap();
        let listener = match settings.contains("ssl") {
            true => format!("listeners.tcp = none\nlisteners.ssl.1 = 127.0.0.1:{port}\n"),
            false => format!("listeners.tcp.1 = 127.0.0.1:{port}\n"),
        };
        let config = format!("{listener}{settings}\n{}\n", more(folder));
        std::fs::write(folder.join("rabbitmq.conf"), config).unwrap();
        std::fs::write(folder.join("plugins"), format!("[{plugins}].")).unwrap();
        command
            .env("HOME", &home)
            .env("RABBITMQ_NODENAME", format!("tradewind-{port}@localhost"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
            .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
            .env("RABBITMQ_LOG_BASE", folder.join("logs"))
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_DIST_PORT", distribution.to_string())
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            )
            // Then the script becomes the broker, which can be killed.
            .env("RUNNING_UNDER_SYSTEMD", "1")
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", mapper.to_string());
    });
    // Erlang starts a mapper of ports that outlives the broker.
    let mut end = Command::new("epmd");
    end.args(["-port", &mapper.to_string(), "-kill"]);
    Some(server.await?.ending(end))
}
