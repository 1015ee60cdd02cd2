//! `[handles.providers.NAME]`: who does for a host what it does not do itself.

use std::path::Path;
use std::sync::Arc;

use aisoc_host::{BadDestination, ProviderAddress, ProviderRule, ProviderRules, ProviderToken};
use aisoc_manifests::fault::{Fault, Reason, Result};
use serde::Deserialize;
use toml::Spanned;

const WAYS: &str = "write it as \"Providers\" in `aisoc help handles` has it";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenProviders {
    federation: Option<WrittenProvider>,
    tenant: Option<WrittenProvider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenProvider {
    address: Spanned<String>,
    token: Option<WrittenToken>,
    #[serde(default = "usual_rate")]
    requests_per_minute: Spanned<u32>,
}

/// Where a token is; none stands in the file itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenToken {
    FromFile(String),
    FromEnvironment(String),
}

fn usual_rate() -> Spanned<u32> {
    Spanned::new(0..0, 600)
}

/// In which line of a text something begins.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The file in which they are written, and how a token of it is read.
pub(super) struct Of<'a, R> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) read: R,
}

impl WrittenProviders {
    /// # Errors
    /// `configuration_invalid` naming table and line, `directory_insecure` for a socket that others may change, and those of
    /// a token that cannot be had.
    pub(super) fn rules<R>(self, of: &Of<'_, R>) -> Result<ProviderRules>
    where
        R: Fn(&WrittenToken) -> Result<String> + Clone + Send + Sync + 'static,
    {
        let Self { federation, tenant } = self;
        let federation = federation.map(|written| of.rule("federation", written)).transpose()?;
        let tenant = tenant.map(|written| of.rule("tenant", written)).transpose()?;
        Ok(ProviderRules { federation, tenant })
    }
}

impl<R> Of<'_, R>
where
    R: Fn(&WrittenToken) -> Result<String> + Clone + Send + Sync + 'static,
{
    fn rule(&self, name: &str, written: WrittenProvider) -> Result<ProviderRule> {
        let WrittenProvider { address, token, requests_per_minute } = written;
        let refused = |at: usize, bad: &BadDestination| {
            let (path, line) = (self.path.display(), line_of(self.text, at));
            let what = format!("`{path}`, line {line}, `[handles.providers.{name}]`: {bad}");
            Fault::new(Reason::ConfigurationInvalid, what).hint(WAYS)
        };
        let at = address.span().start;
        let address: ProviderAddress = address.get_ref().parse().map_err(|bad| refused(at, &bad))?;
        address.require_usable()?;
        let token = token.map(|token| self.token(token)).transpose()?;
        let at = requests_per_minute.span().start;
        ProviderRule::new(address, token, requests_per_minute.into_inner()).map_err(|bad| refused(at, &bad))
    }

    /// One that is there now, and is read again each time.
    fn token(&self, written: WrittenToken) -> Result<Arc<ProviderToken>> {
        (self.read)(&written)?;
        let read = self.read.clone();
        Ok(Arc::new(move || read(&written)))
    }
}
