//! `aisoc plugin uninstall`

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;

use aisoc_installation::Site;
use aisoc_manifests::digest::Algorithm;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_pipeline::documents::{NotUninstalled, Objection, UninstalledPlugin, UninstalledPlugins};
use serde::Serialize;

use super::several::{self, InTurn};

use crate::args::plugin::UninstallArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable, redacted};
use crate::waiting::Waiting;

/// Longer than any answer.
const MAX_ANSWER_BYTES: u64 = 256;

/// What came of each id, and what it makes of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: UninstalledPlugins,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        self.document.plugins.iter().map(|plugin| format!("{}\n", plugin.id)).collect()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

pub(crate) fn run(args: UninstallArgs, context: &Context) -> Result<u8> {
    several::refuse_repeated(args.ids.iter().map(String::as_str))?;
    let ids = args.ids.iter().map(|id| plugin_id(id)).collect::<Result<Vec<PluginId>>>()?;
    let (site, access) = context.change(args.change)?;
    let ids = ids.iter().map(|id| aisoc_pipeline::installed(id, &site)).collect::<Result<Vec<_>>>()?;
    several::refuse_repeated(ids.iter().map(PluginId::as_str))?;
    // Of what is only looked at nothing can be lost.
    if !args.yes && !context.dry_run().is_on() {
        confirm_all(&ids, &site, context)?;
    }
    let (mut document, mut faults, mut turn) = (UninstalledPlugins::default(), Vec::new(), InTurn::default());
    for id in &ids {
        match turn.next(|| aisoc_pipeline::uninstall(&site, id, &access)) {
            Ok(leftovers) => {
                context.warn_of_leftovers(&leftovers);
                announce(&site, id, context)?;
                let plugins_directory = path_text(site.path());
                document.plugins.push(UninstalledPlugin { id: id.to_string(), plugins_directory });
            }
            Err(fault) => {
                document.failed.push(NotUninstalled { id: redacted(id.as_str()), objection: Objection::from(&fault) });
                faults.push((id.to_string(), fault));
            }
        }
    }
    answer(document, faults, context)
}

/// Says what is gone, and before it goes also which kept versions go with it.
fn announce(site: &Site, id: &PluginId, context: &Context) -> Result<()> {
    let verb = context.said("Uninstalled", "Would uninstall");
    context.output.status(verb, format!("{id} from {}", site.path().display()));
    if context.dry_run().is_on() {
        for version in site.previous_versions(id)? {
            context.output.status("Would remove", format!("{id} {}, which is kept", version.record.version));
        }
    }
    Ok(())
}

/// One that fails alone has an error and no answer, as everywhere; of several, each has its line.
fn answer(document: UninstalledPlugins, faults: Vec<(String, Fault)>, context: &Context) -> Result<u8> {
    let total = document.plugins.len() + faults.len();
    let refusal =
        several::refusal(total, context.said("are not uninstalled", "would not be uninstalled"), faults, context);
    let exit_code = refusal.as_ref().map_or(0, |fault| fault.class().exit_code());
    if total > 1 || refusal.is_none() {
        context.output.answer(&Outcome { document, exit_code })?;
    }
    refusal.map_or(Ok(0), Err)
}

/// One question for all. What is not there needs none; the refusal comes from below, after it has tidied up.
fn confirm_all(ids: &[PluginId], site: &Site, context: &Context) -> Result<()> {
    let mut paths = Vec::new();
    for id in ids {
        if site.can_be_uninstalled(id)? {
            paths.push(printable(&site.plugin(id).display().to_string()).into_owned());
        }
    }
    match paths.is_empty() {
        true => Ok(()),
        false => {
            let question = format!("Remove {} with everything in it? [y/N] ", paths.join(", "));
            confirm("removing a plugin", &question, "nothing was removed", context)
        }
    }
}

/// The id that was typed, or the digits of a digest.
///
/// # Errors
/// `usage` for what cannot be one.
pub(crate) fn plugin_id(text: &str) -> Result<PluginId> {
    // An id holds no `:`.
    let text = Algorithm::digits(text).unwrap_or(text);
    PluginId::installable(text).map_err(|fault: Fault| Fault::new(Reason::Usage, fault.message().to_owned()))
}

/// The ids of the plugins that were named, which may be no ids: a directory of another name is looked for as it is.
///
/// # Errors
/// As [`aisoc_pipeline::installed`].
pub(super) fn installed(words: Vec<String>, site: &Site) -> Result<Vec<String>> {
    let id = |word: String| match Algorithm::digits(&word).unwrap_or(&word).parse() {
        Ok(id) => aisoc_pipeline::installed(&id, site).map(|id| id.to_string()),
        Err(_) => Ok(word),
    };
    words.into_iter().map(id).collect()
}

/// Whether somebody reads a question and can answer it. A question beside a document would make two of one, and one
/// in a file would be waited for by nobody who knows of it.
pub(crate) fn can_ask(context: &Context) -> bool {
    !context.output.json() && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on a terminal; without one there is nobody to ask, and silence is not a yes. `act` is what it is
/// about, and `refused` what a no has led to.
///
/// # Errors
/// `confirmation_required` for everything but a yes.
pub(super) fn confirm(act: &str, question: &str, refused: &str, context: &Context) -> Result<()> {
    let refuse = |what: &str| Err(Fault::new(Reason::ConfirmationRequired, what));
    if context.output.json() {
        return refuse(&format!("{act} needs a confirmation, and with `--json` nobody is asked"));
    }
    if !can_ask(context) {
        return refuse(&format!("{act} needs a confirmation, and there is no terminal to ask on"));
    }
    let unasked = |error| Fault::new(Reason::ConfirmationRequired, "the question could not be asked").caused_by(error);
    anstream::stderr().write_all(question.as_bytes()).map_err(unasked)?;
    let terminal = File::from(io::stdin().as_fd().try_clone_to_owned().map_err(unasked)?);
    let mut answer = String::new();
    let mut line = BufReader::new(Waiting::new(terminal, context.cancellation()?)).take(MAX_ANSWER_BYTES);
    let read = line.read_line(&mut answer);
    if !answer.ends_with('\n') {
        // What comes next begins a line of its own.
        anstream::stderr().write_all(b"\n").map_err(unasked)?;
    }
    if let Err(error) = read {
        context.cancellation()?.check()?;
        return Err(unasked(error));
    }
    // A line that has not ended says more than what was read of it.
    match Some(answer.as_str()).filter(|answer| answer.ends_with('\n')).map(str::trim) {
        Some("y" | "Y" | "yes") => Ok(()),
        _ => refuse(refused),
    }
}
