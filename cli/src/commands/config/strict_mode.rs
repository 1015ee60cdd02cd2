//! `aisoc config strict-mode`

use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::StrictModeState;
use aisoc_trust::Patience;

use crate::args::config::StrictModeArgs;
use crate::config_directory::{ConfigDirectory, StrictModeSetting};
use crate::context::Context;
use crate::output::Answer;

/// How long to wait for another command that changes the setting: each takes a moment.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

impl Answer for StrictModeState {
    fn text(&self) -> String {
        format!("{}\n", self.strict_mode)
    }
}

pub(crate) fn run(args: StrictModeArgs, context: &Context) -> Result<u8> {
    let before = StrictModeSetting::of(context.program.strict_mode());
    if let Some(setting) = &args.setting {
        let directory = ConfigDirectory::of(&context.environment).ok_or_else(|| {
            Fault::new(Reason::Usage, "there is no directory that the setting would be kept in")
                .hint("set AISOC_CONFIG_DIR to a directory that is there, or HOME")
        })?;
        let patience = Patience { lock_timeout: LOCK_TIMEOUT, cancellation: context.cancellation()?.clone() };
        directory.bind(setting, context.dry_run().is_on(), &patience)?;
        let done = context.said("Bound", "Would bind");
        context.output.status(done, format!("this site: strict mode is {setting} (it was {before})"));
    }
    let setting = args.setting.unwrap_or_else(|| before.clone());
    let state = StrictModeState { strict_mode: setting.to_string(), previous_strict_mode: before.to_string() };
    context.output.answer(&state)
}
