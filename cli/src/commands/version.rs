//! `aisoc version`, `aisoc --version`

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::ToolVersion;
use jiff::Timestamp;

use crate::args::VersionArgs;
use crate::context::Context;
use crate::output::Answer;

/// The one line, or all of it.
struct Shown {
    version: ToolVersion,
    is_verbose: bool,
}

impl serde::Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.version.serialize(serializer)
    }
}

impl Answer for Shown {
    fn text(&self) -> String {
        let ToolVersion { version, commit, source_at, target, rustc, features, tls_provider } = &self.version;
        if !self.is_verbose {
            return format!("aisoc {version}\n");
        }
        let unknown = |value: Option<&str>| value.unwrap_or("unknown").to_owned();
        let features = if features.is_empty() { "none".to_owned() } else { features.join(" ") };
        format!(
            "aisoc {version}\ncommit    {}\ndate      {}\ntarget    {target}\nrustc     {}\nfeatures  {features}\n\
             TLS       {tls_provider}\n",
            unknown(*commit),
            unknown(source_at.as_deref()),
            unknown(*rustc),
        )
    }
}

pub(crate) fn run(args: VersionArgs, context: &Context) -> Result<u8> {
    context.output.answer(&Shown { version: of_this_build(), is_verbose: args.verbose })
}

/// What `build.rs` found.
fn of_this_build() -> ToolVersion {
    ToolVersion {
        version: env!("CARGO_PKG_VERSION"),
        commit: known(env!("AISOC_BUILT_COMMIT")),
        source_at: known(env!("AISOC_BUILT_SOURCE_TIME")).and_then(time),
        target: env!("AISOC_BUILT_TARGET"),
        rustc: known(env!("AISOC_BUILT_RUSTC")),
        features: env!("AISOC_BUILT_FEATURES").split_ascii_whitespace().collect(),
        tls_provider: if cfg!(feature = "tls-pure") { "graviola" } else { "aws-lc-rs" },
    }
}

fn known(value: &'static str) -> Option<&'static str> {
    Some(value).filter(|value| !value.is_empty())
}

/// What is no number of seconds is no time.
fn time(seconds: &str) -> Option<String> {
    Timestamp::from_second(seconds.parse().ok()?).ok().map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_seconds_and_what_is_not_known_is_said() {
        assert_eq!(time("1764154800").as_deref(), Some("2025-11-26T11:00:00Z"));
        assert_eq!((time("now"), time(""), known("")), (None, None, None));
        let version = ToolVersion { commit: None, source_at: None, ..of_this_build() };
        let shown = Shown { version, is_verbose: true }.text();
        assert!(shown.contains("commit    unknown\ndate      unknown\n"), "{shown}");
    }
}
