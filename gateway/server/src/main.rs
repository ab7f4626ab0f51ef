//! The `tradewind` binary.

/// A gateway allocates and frees small buffers on many threads; the system allocator took a third of
/// what an event costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tradewind_server::cli::main()
}
