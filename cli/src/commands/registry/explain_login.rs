//! `aisoc registry auth explain`

use std::fmt::Write as _;

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{
    ExplainedRegistryLogin, LoginSource, LoginSourcePart, RegistryLogin, WrittenMirror, WrittenRegistrySettings,
};
use aisoc_registry_client::{
    ExplainedLogin, HeldSetting, LoginOrigin, LoginPart, PassedOver, WhyPassed, explain_login,
};

use crate::args::plugin::RegistryArgs;
use crate::args::registry::ExplainLoginArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::runtime;

impl Answer for ExplainedRegistryLogin {
    fn text(&self) -> String {
        let mut text = String::new();
        for source in &self.sources {
            let part = source.part.as_ref().map_or(String::new(), |part| format!(", {}", named(part)));
            let outcome = source.outcome.replace('_', " ");
            let place = format!("{}{}", printable(&source.source), printable(&part));
            let _ = writeln!(text, "{outcome:<11}  {place}: {}", self.why(source));
        }
        if let Some(settings) = &self.settings {
            let said: Vec<String> = lines(settings).map(|line| printable(&line).into_owned()).collect();
            let _ = writeln!(text, "{:<11}  {}: {}", "settings", printable(&settings.path), said.join(", "));
        }
        if self.login.is_none() {
            let _ = writeln!(text, "{:<11}  no login for `{}`", "none", printable(&self.registry));
        }
        text
    }
}

/// What is written, as it is written.
fn lines(settings: &WrittenRegistrySettings) -> impl Iterator<Item = String> {
    let WrittenRegistrySettings {
        certificates_directory, authorities, client_certificate_path, client_key_path, ..
    } = settings;
    let named = |name: &'static str, value: Option<&String>| value.map(|value| format!("{name} = \"{value}\""));
    let authorities = authorities.iter().map(|path| format!("ca = \"{path}\""));
    authorities
        .chain(named("client_certificate", client_certificate_path.as_ref()))
        .chain(named("client_key", client_key_path.as_ref()))
        .chain(settings.plain_http.map(|plain| format!("plain_http = {plain}")))
        .chain(settings.credentials.map(|word| format!("credentials = \"{word}\"")))
        .chain(settings.mirrors.iter().map(mirror))
        .chain(settings.mirrors_only.then(|| "mirrors_only = true".to_owned()))
        .chain(certificates_directory.as_ref().map(|path| format!("certificates of `{path}`")))
}

fn mirror(mirror: &WrittenMirror) -> String {
    let resolves = if mirror.resolve { ", whose word counts for tags" } else { "" };
    format!("mirror `{}`{resolves}", mirror.registry)
}

/// What is written down of the registry, as documents have it.
fn settings(held: HeldSetting) -> WrittenRegistrySettings {
    let HeldSetting { file, certs_d, setting } = held;
    let own = setting.client_certificate.as_ref();
    WrittenRegistrySettings {
        path: file,
        certificates_directory: certs_d.as_deref().map(path_text),
        authorities: setting.authorities.iter().map(|file| path_text(file.path())).collect(),
        client_certificate_path: own.map(|own| path_text(own.certificate.path())),
        client_key_path: own.map(|own| path_text(own.key.path())),
        plain_http: setting.plain_http,
        credentials: setting.credentials.as_str(),
        mirrors: setting
            .mirrors
            .iter()
            .map(|mirror| WrittenMirror { registry: mirror.to_string(), resolve: mirror.resolves })
            .collect(),
        mirrors_only: setting.mirrors_only,
    }
}

trait Explained {
    fn why(&self, source: &LoginSource) -> String;
}

impl Explained for ExplainedRegistryLogin {
    /// What there was, in words.
    fn why(&self, source: &LoginSource) -> String {
        let detail = || source.detail.as_deref().map(printable).unwrap_or_default().into_owned();
        match source.why {
            None => self.login.as_ref().map_or_else(|| "set to nothing, which ends the search".to_owned(), shown),
            Some("not_set") => "not set".to_owned(),
            Some("other_registry") => detail(),
            Some("absent") => "no such file".to_owned(),
            Some("empty") => "holds no logins".to_owned(),
            Some("no_entry") => "has nothing for this registry".to_owned(),
            Some("no_login") => "has no login".to_owned(),
            Some("not_asked") => "a source before it has a login".to_owned(),
            Some(_) if source.stops_a_push => format!("a push stops here: {}", detail()),
            Some(_) => format!("cannot be used: {}", detail()),
        }
    }
}

/// A login, without its secret.
pub(super) fn shown(login: &RegistryLogin) -> String {
    let kind = login.kind.replace('_', " ");
    match &login.username {
        Some(username) => format!("the {kind} of `{}`", printable(username)),
        None => format!("the {kind}"),
    }
}

fn named(part: &LoginSourcePart) -> String {
    format!("{} `{}`", part.kind.replace('_', " "), part.name)
}

pub(crate) fn run(args: ExplainLoginArgs, context: &Context) -> Result<u8> {
    let ExplainLoginArgs { place } = args;
    let options = context.client_of(&RegistryArgs::default(), [])?;
    let looked = explain_login(&place.registry, &place.repository, &options);
    let explained = runtime::block_on(context.cancellation()?, looked)?;
    context.output.answer(&ExplainedRegistryLogin {
        registry: place.registry.to_string(),
        repository: Some(place.repository.clone()).filter(|repository| !repository.is_empty()),
        login: login(&explained),
        sources: sources(explained),
        settings: options.settings.of(&place.registry)?.map(settings),
    })
}

/// The login that was found, as documents have it.
pub(super) fn login(explained: &ExplainedLogin) -> Option<RegistryLogin> {
    let (login, from) = explained.login.as_ref().zip(explained.from.as_ref())?;
    Some(RegistryLogin {
        kind: login.kind.as_str(),
        username: login.username.clone(),
        source: from.source.clone(),
        part: from.part.as_ref().map(part),
    })
}

/// All sources, in the order in which they were asked: what ended the search stands before what was not asked any more.
fn sources(explained: ExplainedLogin) -> Vec<LoginSource> {
    let ExplainedLogin { from, passed_over, .. } = explained;
    let mut sources: Vec<LoginSource> = passed_over.into_iter().map(passed).collect();
    if let Some(LoginOrigin { source, part: found }) = from {
        let at = sources.iter().position(|source| source.outcome == "not_asked").unwrap_or(sources.len());
        let part = found.as_ref().map(part);
        let used = LoginSource { source, part, outcome: "used", why: None, detail: None, stops_a_push: false };
        sources.insert(at, used);
    }
    sources
}

fn passed(passed: PassedOver) -> LoginSource {
    let PassedOver { source, part: of, why } = passed;
    let (word, detail, stops_a_push) = match why {
        WhyPassed::NotSet => ("not_set", None, false),
        WhyPassed::OtherRegistry(detail) => ("other_registry", Some(detail), false),
        WhyPassed::Absent => ("absent", None, false),
        WhyPassed::Empty => ("empty", None, false),
        WhyPassed::NoEntry => ("no_entry", None, false),
        WhyPassed::NoLogin => ("no_login", None, false),
        WhyPassed::Unusable { what, stops_writing } => ("unusable", Some(what), stops_writing),
        WhyPassed::NotAsked => ("not_asked", None, false),
    };
    let outcome = if word == "not_asked" { "not_asked" } else { "passed_over" };
    LoginSource { source, part: of.as_ref().map(part), outcome, why: Some(word), detail, stops_a_push }
}

pub(super) fn part(part: &LoginPart) -> LoginSourcePart {
    let (kind, name) = match part {
        LoginPart::Helper(program) => ("credential_helper", program),
        LoginPart::Store(program) => ("credentials_store", program),
        LoginPart::Entry(key) => ("entry", key),
    };
    LoginSourcePart { kind, name: name.clone() }
}
