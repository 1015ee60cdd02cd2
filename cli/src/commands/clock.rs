//! `aisoc plugins clock`: the time by which keys are judged on a site, and how it is mended.

use std::fmt::Write as _;

use aisoc_installation::{Access, ClockState, Site};
use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_pipeline::documents::SiteClock;
use jiff::Timestamp;

use super::uninstall::confirm;
use crate::args::clock::ClockArgs;
use crate::context::Context;
use crate::output::{Answer, path_text};

impl Answer for SiteClock {
    fn text(&self) -> String {
        let seen = self.last_seen_at.as_deref().unwrap_or("nothing yet");
        let difference = self.difference.as_ref().map(|difference| format!(" ({difference})")).unwrap_or_default();
        let mut text = String::new();
        for (name, value) in [("clock", &*self.clock_at), ("last seen", seen), ("judged by", &self.judged_at)] {
            let _ = writeln!(text, "{name:<9}  {value}");
        }
        let _ = writeln!(text, "{:<9}  {}{difference}", "state", self.state);
        text
    }
}

pub(crate) fn run(args: ClockArgs, context: &Context) -> Result<u8> {
    let (site, access) = context.access(args.change)?;
    site.require_secure(access.shared_directories)?;
    let before = site.last_seen();
    let Some(reason) = args.reason.filter(|_| args.reset) else {
        let document = look(&site, access.at, before?);
        return context.output.answer(&document);
    };
    if !args.yes && !context.dry_run().is_on() {
        ask(&site, &before, &access, context)?;
    }
    let previous_seen_at = before.ok().flatten().map(|seen| format!("{seen:.0}"));
    reset(&site, &access, &reason, context)?;
    let seen = if context.dry_run().is_on() { Some(access.at) } else { site.last_seen()? };
    context.output.answer(&SiteClock { previous_seen_at, reset: true, ..look(&site, access.at, seen) })
}

fn look(site: &Site, clock: Timestamp, seen: Option<Timestamp>) -> SiteClock {
    SiteClock {
        plugins_directory: path_text(site.path()),
        clock_at: format!("{clock:.0}"),
        last_seen_at: seen.map(|seen| format!("{seen:.0}")),
        judged_at: format!("{:.0}", seen.map_or(clock, |seen| seen.max(clock))),
        state: ClockState::of(clock, seen).as_str(),
        difference: seen.map(|seen| format!("{:.0}", clock.duration_since(seen))),
        previous_seen_at: None,
        reset: false,
    }
}

/// Keys that had ended may count again afterwards: nobody does that in passing.
fn ask(site: &Site, before: &Result<Option<Timestamp>>, access: &Access, context: &Context) -> Result<()> {
    let before = match before {
        Ok(Some(seen)) => format!("{seen:.0}"),
        Ok(None) => "nothing".to_owned(),
        Err(_) => "what cannot be read".to_owned(),
    };
    let (path, now) = (site.path().display(), access.at);
    let question = format!("Reset the time that was seen last in {path} from {before} to {now:.0}? [y/N] ");
    confirm("resetting the clock", &question, "nothing was reset", context)
}

fn reset(site: &Site, access: &Access, reason: &StatedReason, context: &Context) -> Result<()> {
    site.reset_clock(access, reason).map_err(|fault| match fault.reason() {
        // What stands in the way of a file is not ours to remove.
        Reason::IoError => fault.hint("look at what stands at the path that is named, and move it away"),
        _ => fault,
    })?;
    context
        .output
        .status(context.said("Reset", "Would reset"), format!("the time that was seen last to {:.0}", access.at));
    Ok(())
}
