//! `aisoc plugin validate`

use aisoc_manifests::fault::Result;
use aisoc_manifests::plugin;
use serde::Serialize;

use super::bench::{self, Bench, ProblemRow};
use crate::args::plugin::ValidateArgs;
use crate::context::Context;
use crate::output::Answer;
use crate::smoke::{self, SmokeReport};

#[derive(Serialize)]
struct Validation {
    manifest: String,
    profile: String,
    problems: Vec<ProblemRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    loaded: Option<Loaded>,
    #[serde(skip)]
    exit_code: u8,
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
        match (&self.loaded, self.problems.len()) {
            (Some(Loaded { result: Some(result), .. }), 0) => format!("{result:#}\n"),
            (_, 0) => format!("{}: valid ({})\n", self.manifest, self.profile),
            _ => String::new(),
        }
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

pub(crate) fn run(args: &ValidateArgs, context: &Context) -> Result<u8> {
    let bench = Bench::open(&args.path)?;
    let problems = plugin::validate(bench.file, &bench.bytes, &|path| bench.has(path), args.profile);
    let profile = args.profile.to_string();
    if problems.is_empty() {
        let loaded = if args.load { Some(load(args, &bench, context)?) } else { None };
        let answer = Validation { manifest: bench.shown, profile, problems: Vec::new(), loaded, exit_code: 0 };
        return context.output.answer(&answer);
    }
    if context.output.json() {
        let exit_code = problems[0].reason.class().exit_code();
        let problems = bench::rows(&bench.shown, problems);
        return context.output.answer(&Validation {
            manifest: bench.shown,
            profile,
            problems,
            loaded: None,
            exit_code,
        });
    }
    let count = problems.len();
    let code = bench::report_all(&bench.shown, problems);
    let plural = if count == 1 { "problem" } else { "problems" };
    context.output.status("Found", format!("{count} {plural} in {} ({profile})", bench.shown));
    Ok(code)
}

fn load(args: &ValidateArgs, bench: &Bench, context: &Context) -> Result<Loaded> {
    let SmokeReport { python, class, run_is_async, result } = smoke::load(&bench.directory, args.run.as_deref())?;
    context.output.status("Loaded", format!("class {class} with Python {python}"));
    Ok(Loaded { python, class, run_is_async, result })
}
