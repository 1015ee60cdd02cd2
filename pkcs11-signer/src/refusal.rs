//! `Refusal`: why there is no answer, in the words that the contract carries.

use cryptoki::error::{Error, RvError};

/// One sentence, and whether it may be otherwise in a while.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) words: String,
    pub(crate) may_pass: bool,
}

impl Refusal {
    pub(crate) fn of(words: impl Into<String>) -> Self {
        Self { words: words.into(), may_pass: false }
    }

    /// What the module says when `act` fails. Its own words are long, and its codes are what people look up.
    pub(crate) fn by_module(act: &'static str) -> impl Fn(Error) -> Self {
        move |error| match error {
            Error::Pkcs11(code, _) => Self { words: format!("{act}: {}", said(code)), may_pass: may_pass(code) },
            error => Self::of(format!("{act}: {error}")),
        }
    }
}

fn said(code: RvError) -> String {
    match code {
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => "the PIN is wrong".to_owned(),
        RvError::PinLocked => "the PIN is locked after too many wrong ones".to_owned(),
        RvError::PinExpired => "the PIN has expired".to_owned(),
        RvError::MechanismInvalid => "it does not sign with Ed25519 (CKM_EDDSA)".to_owned(),
        RvError::KeyFunctionNotPermitted => "the key is not made for signing".to_owned(),
        code => format!("{code:?}"),
    }
}

/// What ends by itself, or when somebody plugs something in.
fn may_pass(code: RvError) -> bool {
    matches!(
        code,
        RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::DeviceMemory
            | RvError::HostMemory
            | RvError::SessionCount
            | RvError::DeviceError
    )
}
