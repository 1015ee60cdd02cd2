//! `--allow-secret PATH --reason TEXT`: what is published although it looks like a secret.

use std::collections::BTreeSet;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::warning::Warning;
use aisoc_packaging::{FoundSecret, Secrets};
use aisoc_pipeline::documents::AllowedSecret;

use crate::args::plugin::SecretArgs;
use crate::context::Context;

/// What may be shipped, and why.
pub(crate) struct Allowance {
    pub(crate) secrets: Secrets,
    reason: String,
}

impl Allowance {
    /// Nothing is allowed without a reason, and there is no reason for nothing.
    ///
    /// # Errors
    /// `usage` for a reason that is missing or for nothing, and for what is no path in a plugin.
    pub(crate) fn of(args: &SecretArgs) -> Result<Self> {
        let usage = |text: &str| Fault::new(Reason::Usage, text);
        match (args.allow_secret.is_empty(), &args.reason) {
            (true, Some(_)) => return Err(usage("`--reason` is given, and no `--allow-secret` that it is for")),
            (false, None) => return Err(usage("`--allow-secret` needs a `--reason`")),
            _ => {}
        }
        let path = |text: &String| {
            RelPath::parse(text).map_err(|fault| {
                usage("`--allow-secret` names no path in a plugin")
                    .caused_by(fault)
                    .hint("name the file as the refusal does")
            })
        };
        let allowed = args.allow_secret.iter().map(path).collect::<Result<BTreeSet<_>>>()?;
        Ok(Self {
            secrets: Secrets::Refused { allowed },
            reason: args.reason.as_ref().map(ToString::to_string).unwrap_or_default(),
        })
    }

    /// Says what is shipped all the same, and gives the rows of it.
    pub(crate) fn announce(&self, found: &[FoundSecret], context: &Context) -> Vec<AllowedSecret> {
        found
            .iter()
            .map(|secret| {
                let said = format!("{secret} and is public from now on: {}", self.reason);
                context.output.warning(Warning::SecretPublished, said);
                AllowedSecret {
                    path: secret.path.to_string(),
                    kind: secret.kind,
                    place: secret.place.map(|place| place.to_string()),
                    reason: crate::output::redacted(&self.reason),
                }
            })
            .collect()
    }

    /// For what is packed already: nothing in it can be allowed any more.
    ///
    /// # Errors
    /// `usage` when something is to be allowed.
    pub(crate) fn refuse_for_packed(&self) -> Result<()> {
        match &self.secrets {
            Secrets::Refused { allowed } if !allowed.is_empty() => Err(Fault::new(
                Reason::Usage,
                "`--allow-secret` is for a plugin's directory, and this is packed already",
            )),
            _ => Ok(()),
        }
    }
}
