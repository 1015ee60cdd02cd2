//! `aisoc plugin validate`

use aisoc_manifests::fault::Result;
use aisoc_manifests::plugin;
use aisoc_packaging::{PluginDir, default_threads};
use aisoc_worker::Report;
use serde::Serialize;

use super::bench::{self, Bench};
use crate::args::plugin::ValidateArgs;
use crate::context::Context;
use crate::loading;
use crate::output::{Answer, printable, printable_json};

#[derive(Serialize)]
struct Validation {
    manifest: String,
    profile: String,
    problems: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    loaded: Option<Loaded>,
}

#[derive(Serialize)]
struct Loaded {
    python: String,
    class: String,
    run_is_async: bool,
    result: Option<serde_json::Value>,
}

impl Answer for Validation {
    fn text(&self) -> String {
        match &self.loaded {
            Some(Loaded { result: Some(result), .. }) => printable_json(&format!("{result:#}\n")).into_owned(),
            _ => format!("{}: valid ({})\n", printable(&self.manifest), self.profile),
        }
    }
}

pub(crate) fn run(args: ValidateArgs, context: &Context) -> Result<u8> {
    let bench = Bench::open(&args.path)?;
    let problems = plugin::validate(bench.file, &bench.bytes, &|path| bench.has(path), args.profile);
    let profile = args.profile.to_string();
    if args.path.is_dir() {
        warn_of_what_is_not_packed(&bench, context)?;
    }
    if problems.is_empty() {
        let loaded = if args.load { Some(load(&args, &bench, context)?) } else { None };
        let answer = Validation { manifest: bench.shown, profile, problems: [], loaded };
        return context.output.answer(&answer);
    }
    let (count, shown) = (problems.len(), bench.shown);
    let code = bench::refuse(&shown, problems, context)?;
    let plural = if count == 1 { "problem" } else { "problems" };
    context.output.status("Found", format!("{count} {plural} in {shown} ({profile})"));
    Ok(code)
}

/// A manifest alone can be valid in a directory that cannot be shipped; the author wants to know now.
fn warn_of_what_is_not_packed(bench: &Bench, context: &Context) -> Result<()> {
    let opened = PluginDir::open_with(&bench.directory, default_threads(), &context.limits()?);
    // What was stopped has found nothing out.
    context.cancellation()?.check()?;
    if let Err(fault) = opened {
        context.output.warning(format!("`{}` cannot be packed as it is: {fault}", bench.directory.display()));
    }
    Ok(())
}

fn load(args: &ValidateArgs, bench: &Bench, context: &Context) -> Result<Loaded> {
    let Report { python, class, run_is_async, result } =
        loading::load(&context.environment.python(), &bench.directory, args.run.as_deref(), &context.limits()?)?;
    context.output.status("Loaded", format!("class {class} with Python {python}"));
    Ok(Loaded { python, class, run_is_async, result })
}
