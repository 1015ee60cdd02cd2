//! `aisoc config policy validate`

use std::path::{Path, PathBuf};

use aisoc_dispatch::read_policy;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::ValidPolicy;

use super::{located, read, refuse, shown_rule};
use crate::args::config::ValidatePolicyArgs;
use crate::config_directory::{ConfigDirectory, POLICY_FILE};
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

impl Answer for ValidPolicy {
    fn text(&self) -> String {
        format!("{}: valid\n", printable(&self.path))
    }
}

pub(crate) fn run(args: ValidatePolicyArgs, context: &Context) -> Result<u8> {
    let (path, bytes) = match args.file {
        Some(path) => (path.clone(), read(&path, Reason::PolicyInvalid)?),
        None => of_this_user(context)?,
    };
    match read_policy(&bytes) {
        Ok(rule) => context.output.answer(&ValidPolicy { path: path_text(&path), rule: shown_rule(&rule) }),
        Err(faults) => {
            let shown = path_text(&path);
            let faults = faults.into_iter();
            let faults = faults.map(|fault| located(&shown, fault.position, Reason::PolicyInvalid, fault.message));
            refuse(&path, faults.collect(), context)
        }
    }
}

/// The policy of whoever asks, which counts as soon as it is there.
fn of_this_user(context: &Context) -> Result<(PathBuf, Vec<u8>)> {
    let missing = || {
        Fault::new(Reason::PolicyMissing, "there is no policy of this user to look at")
            .hint("name a file: `aisoc config policy validate policy.yml`")
    };
    let directory = ConfigDirectory::of(&context.environment).ok_or_else(missing)?;
    let bytes = directory.policy_bytes()?.ok_or_else(missing)?;
    Ok((Path::new(&directory.shown(POLICY_FILE)).to_owned(), bytes))
}
