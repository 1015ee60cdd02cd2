//! `JournalReason`: what a wrapper has the journal say.

/// Why a command is given, for the journal: a wrapper that knows, as one that asks for a ticket does, hands it on in the
/// `Ctx`. Every line that the command writes into a journal says it, before the reason that was typed.
///
/// It is one line of at most 1,024 bytes that people can read. A command that is handed another does not run.
///
/// ```
/// use aisoc_platform::{Builder, JournalReason, Selector};
///
/// let plugin = Builder::new("tickets", "0.1.0").wrap("require", Selector::by_write(), |next| {
///     Box::new(move |ctx, invocation| {
///         let ctx = ctx.with_value(JournalReason("OPS-1".to_owned()));
///         next(&ctx, invocation)
///     })
/// });
/// assert!(plugin.build().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalReason(pub String);
