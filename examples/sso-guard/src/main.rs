//! aisoc that asks for a ticket before what is dangerous, and has the journal say which.
//!
//! The ticket is in the variable `TICKET`. Where people sign in, a wrapper asks whoever signs them in instead.

use std::env;
use std::process::ExitCode;

use aisoc_platform::{AbortError, Builder, BuiltPlugin, JournalReason, Risk, Selector, register};
use serde_json::json;

fn main() -> ExitCode {
    register(Box::new(guard()));
    aisoc_cli::execute()
}

/// Closed: where it cannot be installed, nothing runs.
fn guard() -> BuiltPlugin {
    let dangerous = Selector::by_exact_risk(Risk::HighRiskWrite);
    let guard = Builder::new("sso-guard", env!("CARGO_PKG_VERSION")).fail_closed();
    let guard = guard.wrap("ticket", dangerous, |next| {
        Box::new(move |ctx, invocation| {
            let ticket = env::var("TICKET").unwrap_or_default();
            if !is_ticket(&ticket) {
                let reason = format!("`{}` needs a ticket such as OPS-12 in TICKET", invocation.cmd().path());
                let detail = Some(json!({"variable": "TICKET", "form": "AREA-NUMBER"}));
                return Err(AbortError { detail, ..AbortError::new(reason) }.into());
            }
            next(&ctx.with_value(JournalReason(ticket)), invocation)
        })
    });
    guard.must_build()
}

/// Capital letters, `-`, and a number.
fn is_ticket(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        let is_area = (1..=10).contains(&area.len()) && area.bytes().all(|byte| byte.is_ascii_uppercase());
        is_area && (1..=9).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}
