#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod module;
mod refusal;
mod token;

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use aisoc_signing::{Operation, Pkcs11Uri, Reply, Request};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use zeroize::Zeroizing;

use crate::refusal::Refusal;
use crate::token::Key;

/// Most bytes of a question.
const MAX_QUESTION_BYTES: usize = 8 << 20;

/// Answers the one question on standard input about the key that the argument names; 1 for a refusal, which is
/// printed as the contract has it.
#[must_use = "it is the exit code of the process"]
pub fn execute(argument: Option<OsString>) -> ExitCode {
    let (reply, code) = match answer(argument) {
        Ok(reply) => (reply, ExitCode::SUCCESS),
        Err(refusal) => (Reply::error(refusal.words, refusal.may_pass), ExitCode::FAILURE),
    };
    let written = serde_json::to_vec(&reply).map_err(io::Error::other).and_then(|line| io::stdout().write_all(&line));
    if written.is_ok() { code } else { ExitCode::FAILURE }
}

fn answer(argument: Option<OsString>) -> Result<Reply, Refusal> {
    keep_memory_private()?;
    let uri: Pkcs11Uri = argument
        .and_then(|argument| argument.into_string().ok())
        .ok_or_else(|| Refusal::of("it takes one argument, a PKCS#11 URI"))?
        .parse()
        .map_err(|fault| Refusal::of(format!("{fault}")))?;
    let request = Request::read(&question()?).map_err(Refusal::of)?;
    let key = Key::open(&uri, request.passphrase())?;
    match request.operation {
        Operation::PublicKey => key.public_key().map(|key| Reply::public_key(&key)),
        Operation::Sign => {
            let message = request.message().map_err(Refusal::of)?;
            key.sign(&message).map(|signature| Reply::signature(&signature))
        }
    }
}

/// A PIN passes through this process.
fn keep_memory_private() -> Result<(), Refusal> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let kept = setrlimit(Resource::Core, none).and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
    kept.map_err(|error| Refusal::of(format!("the system does not let this process keep its memory private: {error}")))
}

/// All of standard input, in one buffer of full size: one that grows leaves its old self behind.
fn question() -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let mut buffer = Zeroizing::new(vec![0; MAX_QUESTION_BYTES + 1]);
    let (mut length, mut input) = (0, io::stdin().lock());
    while length < buffer.len() {
        match input.read(&mut buffer[length..]) {
            Ok(0) => {
                buffer.truncate(length);
                return Ok(buffer);
            }
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Refusal::of(format!("the question cannot be read: {error}"))),
        }
    }
    Err(Refusal::of(format!("the question has more than {MAX_QUESTION_BYTES} bytes")))
}
