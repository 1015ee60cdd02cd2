//! `aisoc plugin validate`

use std::path::Path;

use aisoc_manifests::counted;
use aisoc_manifests::fault::Result;
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::Bench;
use aisoc_pipeline::documents::{LoadedPlugin, ValidManifest};
use aisoc_worker::Report;

use super::bench;
use crate::args::plugin::ValidateArgs;
use crate::context::Context;
use crate::loading::{self, Loaded};
use crate::output::{Answer, printable, printable_json};

impl Answer for ValidManifest {
    fn text(&self) -> String {
        match &self.loaded {
            Some(LoadedPlugin { result: Some(result), .. }) => printable_json(&format!("{result:#}\n")).into_owned(),
            _ => format!("{}: valid ({})\n", printable(&self.path), self.profile),
        }
    }
}

pub(crate) fn run(args: ValidateArgs, context: &Context) -> Result<u8> {
    let bench = Bench::open(args.path())?;
    let problems = bench.problems(args.profile);
    let profile = args.profile.to_string();
    if args.path().is_dir() {
        warn_of_what_is_not_packed(&bench, context)?;
    }
    bench::warn_of_strange_keys(&bench, context);
    if problems.is_empty() {
        let loaded = match args.load {
            true => Some(load(&bench.directory, &bench.manifest()?, args.run.as_deref(), context)?),
            false => None,
        };
        let answer = ValidManifest { path: bench.shown, profile, loaded };
        return context.output.answer(&answer);
    }
    let (count, shown) = (problems.len(), bench.shown);
    let code = bench::refuse(&shown, problems, context)?;
    context.output.status("Found", format!("{} in {shown} ({profile})", counted(count, "problem")));
    Ok(code)
}

/// A manifest alone can be valid in a directory that cannot be shipped; the author wants to know now.
fn warn_of_what_is_not_packed(bench: &Bench, context: &Context) -> Result<()> {
    let packable = bench.require_packable(&context.limits()?);
    // What was stopped has found nothing out.
    context.cancellation()?.check()?;
    if let Err(fault) = packable {
        let said = format!("`{}` cannot be packed as it is: {fault}", bench.directory.display());
        context.output.warning_with(Warning::NotPackable, said, Some(fault.next_step()));
    }
    Ok(())
}

/// Loads a plugin as a host does, and says so.
///
/// # Errors
/// As [`loading::load`].
pub(super) fn load(
    directory: &Path,
    manifest: &Manifest,
    payload: Option<&str>,
    context: &Context,
) -> Result<LoadedPlugin> {
    let declared: Vec<String> = manifest.grants().into_iter().collect();
    let loaded = Loaded { directory, id: manifest.id.as_str(), declared: &declared };
    let Report { python, class, run_is_async, result } =
        loading::load(context.launcher_to_run(), &loaded, payload, &context.limits()?)?;
    context.output.status("Loaded", format!("class {class} with Python {python}"));
    Ok(LoadedPlugin { python_version: python, class, run_is_async, result })
}
