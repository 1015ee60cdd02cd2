//! `aisoc hooks`

use std::fmt::Write as _;

use aisoc_manifests::fault::Result;
use aisoc_manifests::hook::Hook;
use aisoc_pipeline::documents::{HookList, KnownHook};

use crate::args::HooksArgs;
use crate::context::Context;
use crate::output::Answer;

impl Answer for HookList {
    fn text(&self) -> String {
        let mut text = String::new();
        for KnownHook { name, semantic, ordering, band, is_strict, meaning, .. } in &self.hooks {
            let strict = if *is_strict { ", strict" } else { "" };
            let _ = writeln!(text, "{name}  {semantic}, {ordering}, {band}{strict}\n  {meaning}");
        }
        text
    }
}

pub(crate) fn run(HooksArgs {}: HooksArgs, context: &Context) -> Result<u8> {
    context.output.answer(&HookList { hooks: Hook::ALL.iter().copied().map(KnownHook::from).collect() })
}
