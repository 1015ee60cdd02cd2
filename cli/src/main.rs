//! The aisoc command. All of it is in the library, so that another program can be the same command.

fn main() -> std::process::ExitCode {
    aisoc_cli::execute()
}
