//! The `tradewind` binary.

fn main() -> std::process::ExitCode {
    tradewind_server::cli::main()
}
