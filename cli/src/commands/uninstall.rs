//! `aisoc plugin uninstall`

use std::fs::File;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_pipeline::documents::UninstalledPlugin;

use crate::args::plugin::UninstallArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::waiting::Waiting;

/// Longer than any answer.
const MAX_ANSWER_BYTES: u64 = 256;

impl Answer for UninstalledPlugin {
    fn text(&self) -> String {
        format!("{}\n", self.id)
    }
}

pub(crate) fn run(args: UninstallArgs, context: &Context) -> Result<u8> {
    let id = plugin_id(&args.id)?;
    let (site, access) = context.change(args.change, "aisoc plugin uninstall")?;
    let path = site.plugin(&id);
    // What is not there needs no confirmation; the refusal comes from below, after it has tidied up.
    if !args.yes && site.can_be_uninstalled(&id)? {
        confirm(&format!("Remove {} with everything in it? [y/N] ", printable(&path.display().to_string())), context)?;
    }
    context.warn_of_leftovers(&aisoc_pipeline::uninstall(&site, &id, &access)?);
    context.output.status("Uninstalled", format!("{id} from {}", site.path().display()));
    context.output.answer(&UninstalledPlugin { id: id.to_string(), plugins_directory: path_text(site.path()) })
}

/// The id that was typed.
///
/// # Errors
/// `usage` for what cannot be one.
pub(crate) fn plugin_id(text: &str) -> Result<PluginId> {
    text.parse().map_err(|fault: Fault| Fault::new(Reason::Usage, fault.message().to_owned()))
}

/// Asks on a terminal; without one there is nobody to ask, and silence is not a yes.
fn confirm(question: &str, context: &Context) -> Result<()> {
    let refuse = |what: &str| Err(Fault::new(Reason::ConfirmationRequired, what));
    if !std::io::stdin().is_terminal() {
        return refuse("removing a plugin needs a confirmation, and there is no terminal to ask on");
    }
    let unasked = |error| Fault::new(Reason::ConfirmationRequired, "the question could not be asked").caused_by(error);
    anstream::stderr().write_all(question.as_bytes()).map_err(unasked)?;
    let terminal = File::from(std::io::stdin().as_fd().try_clone_to_owned().map_err(unasked)?);
    let mut answer = String::new();
    let mut line = BufReader::new(Waiting::new(terminal, context.cancellation()?)).take(MAX_ANSWER_BYTES);
    if let Err(error) = line.read_line(&mut answer) {
        context.cancellation()?.check()?;
        return Err(unasked(error));
    }
    // A line that has not ended says more than what was read of it.
    match Some(answer.as_str()).filter(|answer| answer.ends_with('\n')).map(str::trim) {
        Some("y" | "Y" | "yes") => Ok(()),
        _ => refuse("nothing was removed"),
    }
}
