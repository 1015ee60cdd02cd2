//! What an operator configures plugins with: a file of `[plugins.ID]` tables, read each time that a plugin is loaded.

mod hooks;
mod providers;

use std::collections::{BTreeMap, BTreeSet};
use std::iter::once;
use std::path::PathBuf;

use aisoc_files::{Arrival, Links, SmallFileError, Walk};
use aisoc_host::{ConfiguredWith, HandleRules, OutboundGrant, RequiredHandlers, WrittenOutboundGrant};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_signing::Fingerprint;
use aisoc_trust::changeable;
use serde::Deserialize;
use serde_json::{Map, Value};

use self::hooks::WrittenHooks;
use self::providers::{Of, WrittenProviders, WrittenToken, line_of};
use crate::environment::Environment;
use crate::secret_file::Secret;

/// Larger than the configuration of any site.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Larger than any secret of a plugin.
const MAX_SECRET_BYTES: usize = 64 << 10;
/// The one key of a table that stands for what is in a file, and for what is in a variable.
const FROM_FILE: &str = "from_file";
const FROM_ENVIRONMENT: &str = "from_environment";
const WAYS: &str =
    "put each secret into a file of its own, and name it: `api_key = { from_file = \"/run/secrets/key\" }`";

/// The file, and from where its secrets are had.
#[derive(Debug, Clone)]
pub(super) struct Configuration {
    path: PathBuf,
    environment: Environment,
    cancellation: Cancellation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// All of it, for whoever says in which line something stands.
    #[serde(skip)]
    text: String,
    #[serde(default)]
    plugins: BTreeMap<String, toml::Table>,
    #[serde(default)]
    handles: WrittenHandles,
    #[serde(default)]
    hooks: WrittenHooks,
}

/// What plugins are given beside their configuration.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenHandles {
    #[serde(default)]
    read_all_audit: BTreeSet<String>,
    #[serde(default)]
    shared_facts: BTreeMap<String, BTreeSet<String>>,
    #[serde(default)]
    successors: BTreeMap<String, BTreeSet<String>>,
    #[serde(default)]
    countersigners: BTreeSet<String>,
    #[serde(default)]
    outbound: BTreeMap<String, WrittenOutboundGrant>,
    #[serde(default)]
    providers: WrittenProviders,
}

impl Configuration {
    /// The one in that file, which is there and can be understood.
    ///
    /// # Errors
    /// As [`Configuration::of`].
    pub(super) fn begin(path: PathBuf, environment: Environment, cancellation: Cancellation) -> Result<Self> {
        let configuration = Self { path, environment, cancellation };
        configuration.read()?;
        Ok(configuration)
    }

    /// What that plugin is configured with; nothing where nothing is said of it.
    ///
    /// # Errors
    /// `directory_insecure` where others may change the file, `configuration_invalid` where it cannot be understood or a
    /// secret cannot be had, `private_key_exposed` where others may read one; I/O reasons. No message has a value of it.
    pub(super) fn of(&self, id: &str) -> Result<Option<ConfiguredWith>> {
        let Some(table) = self.read()?.plugins.remove(id) else { return Ok(None) };
        let mut secrets = Vec::new();
        let values = self.object(table, &mut secrets)?;
        Ok(Some(ConfiguredWith { values, secrets }))
    }

    /// What plugins are given while they are called, beside that.
    ///
    /// # Errors
    /// As [`Configuration::of`].
    pub(super) fn handles(&self) -> Result<HandleRules> {
        let Written { text, handles, .. } = self.read()?;
        let WrittenHandles { read_all_audit, shared_facts, successors, countersigners, outbound, providers } = handles;
        let is_one = |text: &String| text.parse::<Fingerprint>().is_ok_and(|read| read.to_string() == *text);
        let replaced = successors.iter().flat_map(|(new, old)| once(new).chain(old));
        for (table, form, mut keys) in [
            ("[handles.successors]", "\"SHA256:NEW\" = [\"SHA256:OLD\"]", replaced.collect::<Vec<_>>()),
            ("[handles]", "countersigners = [\"SHA256:THEIRS\"]", countersigners.iter().collect()),
        ] {
            keys.retain(|text| !is_one(text));
            if let Some(bad) = keys.first() {
                let what = format!("`{}`, `{table}`: that is no fingerprint of a key", self.path.display());
                return Err(Fault::new(Reason::ConfigurationInvalid, what)
                    .expected(form, shown(bad, 80))
                    .hint("the fingerprints of the keys that are trusted: `aisoc keys list`"));
            }
        }
        let granted = |(id, written): (String, WrittenOutboundGrant)| match OutboundGrant::try_from(written) {
            Ok(grant) => Ok((id, grant)),
            Err(bad) => {
                let what = format!("`{}`, `[handles.outbound.{}]`: {bad}", self.path.display(), shown(&id, 80));
                Err(Fault::new(Reason::ConfigurationInvalid, what)
                    .hint("write each destination as \"The network\" in `aisoc help handles` has it"))
            }
        };
        let outbound = outbound.into_iter().map(granted).collect::<Result<_>>()?;
        let configuration = self.clone();
        let read = move |token: &WrittenToken| match token {
            WrittenToken::FromFile(path) => configuration.secret_file(path),
            WrittenToken::FromEnvironment(name) => configuration.variable(name),
        };
        let providers = providers.rules(&Of { path: &self.path, text: &text, read })?;
        Ok(HandleRules { read_all_audit, shared_facts, successors, countersigners, outbound, providers })
    }

    /// At which hooks which plugins have to be.
    ///
    /// # Errors
    /// As [`Configuration::of`].
    pub(super) fn required_handlers(&self) -> Result<RequiredHandlers> {
        self.read()?.hooks.required(&self.path)
    }

    fn read(&self) -> Result<Written> {
        let (path, parent) = (&self.path, aisoc_files::parent(&self.path));
        let failed = |error: std::io::Error| Fault::io("read", path, error);
        let mut walk = Walk::default();
        let missing = || failed(std::io::ErrorKind::NotFound.into());
        let (Arrival::Directory(place), Some(name)) =
            (walk.to(parent, Links::Followed).map_err(failed)?, path.file_name())
        else {
            return Err(missing());
        };
        let content = walk.read_file(&place, name, MAX_FILE_BYTES).map_err(|error| match error {
            SmallFileError::Io(error) => failed(error),
            error => self.invalid("").caused_by(error),
        })?;
        walk.finish().map_err(changeable)?;
        let text = String::from_utf8(content).map_err(|_| self.invalid(": it is no UTF-8"))?;
        // The reader's own words repeat the line, which may hold a secret.
        let read = toml::from_str(&text).map_err(|error| match error.span() {
            Some(span) => self.invalid(&format!(", from line {} on", line_of(&text, span.start))),
            None => self.invalid(""),
        });
        read.map(|written| Written { text, ..written })
    }

    fn invalid(&self, why: &str) -> Fault {
        let what = format!("`{}` is no configuration of plugins{why}", self.path.display());
        Fault::new(Reason::ConfigurationInvalid, what)
            .hint("write a table `[plugins.ID]` for each plugin, with what its `config_schema` describes (TOML)")
    }

    fn object(&self, table: toml::Table, secrets: &mut Vec<String>) -> Result<Map<String, Value>> {
        table.into_iter().map(|(key, value)| Ok((key, self.value(value, secrets)?))).collect()
    }

    fn value(&self, value: toml::Value, secrets: &mut Vec<String>) -> Result<Value> {
        let mut secret = |text: String| {
            secrets.push(text.clone());
            Value::String(text)
        };
        Ok(match value {
            toml::Value::String(text) => text.into(),
            toml::Value::Integer(number) => number.into(),
            toml::Value::Float(number) => number.into(),
            toml::Value::Boolean(is) => is.into(),
            toml::Value::Datetime(time) => time.to_string().into(),
            toml::Value::Array(values) => {
                values.into_iter().map(|value| self.value(value, secrets)).collect::<Result<Vec<_>>>()?.into()
            }
            toml::Value::Table(table) => match reference(&table) {
                Some((FROM_FILE, path)) => secret(self.secret_file(path)?),
                Some((_, name)) => secret(self.variable(name)?),
                None => Value::Object(self.object(table, secrets)?),
            },
        })
    }

    /// What is in a file of its own, beside the configuration where its path says nothing else.
    fn secret_file(&self, path: &str) -> Result<String> {
        let path = aisoc_files::parent(&self.path).join(path);
        let secret = Secret {
            name: "secret of a plugin",
            reason: Reason::ConfigurationInvalid,
            max_bytes: MAX_SECRET_BYTES,
            ways: WAYS,
        };
        let unreadable = |error| Fault::io("read", &path, error).hint(WAYS);
        let found = secret.file(&path.display().to_string(), &self.cancellation, unreadable)?;
        text(&found.refuse_exposed()?, &format!("`{}`", path.display()))
    }

    fn variable(&self, name: &str) -> Result<String> {
        let named = format!("the variable {}", shown(name, 80));
        match Secret::variable(name, &self.environment) {
            Some(found) => text(&found.refuse_exposed()?, &named),
            None => Err(Fault::new(Reason::ConfigurationInvalid, format!("{named} is not set")).hint(WAYS)),
        }
    }
}

/// The one thing that a table of one key refers to.
fn reference(table: &toml::Table) -> Option<(&'static str, &str)> {
    let (key, value) = table.iter().next().filter(|_| table.len() == 1)?;
    let key = [FROM_FILE, FROM_ENVIRONMENT].into_iter().find(|known| known == key)?;
    Some((key, value.as_str()?))
}

/// A secret as tools write it: without the one line break behind it.
fn text(bytes: &[u8], named: &str) -> Result<String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Fault::new(Reason::ConfigurationInvalid, format!("{named} holds no UTF-8")).hint(WAYS))?;
    Ok(text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line)).to_owned())
}

/// Where nothing is configured.
pub(super) fn of_none(_id: &str) -> Result<Option<ConfiguredWith>> {
    Ok(None)
}
