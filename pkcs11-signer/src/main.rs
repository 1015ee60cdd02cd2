//! The program `aisoc-pkcs11`.

use std::process::ExitCode;

fn main() -> ExitCode {
    aisoc_pkcs11_signer::execute(std::env::args_os().nth(1))
}
