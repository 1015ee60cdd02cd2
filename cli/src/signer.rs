//! Who signs, when it is no key that is read: `--private-key exec:PROGRAM`.

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_programs::Program;
use aisoc_signing::{KeyHolder, ProgramSigner, SIGNER_PATIENCE};

/// A program that holds the key. It is started as it is named, by no shell and without arguments: what stands on
/// this command line is read by everybody, and how a shell would split it nobody can see.
pub(crate) fn program(name: &str, cancellation: &Cancellation) -> Result<Box<dyn KeyHolder>> {
    if name.is_empty() || name.contains('\0') {
        return Err(Fault::new(Reason::Usage, "`--private-key exec:` names no program")
            .hint("write `exec:` and the path of a program that signs; `aisoc help signing-keys` has one"));
    }
    let program = Program { name: name.into(), arguments: Vec::new() };
    Ok(Box::new(ProgramSigner::ask(program, None, SIGNER_PATIENCE, cancellation)?))
}
