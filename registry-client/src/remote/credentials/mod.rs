//! Finding the credential for one repository, in what the caller named and in the order in which it did.
//!
//! Read `place` for which key means which repository, `source` for files and variables, `config` and `entry` for
//! the format that Docker and podman write, `program` for credential helpers. All of it was a library's once, which took of two keys for one
//! registry the one that its table in memory had first, and failed when a helper did not read its question.

mod config;
mod credential;
mod document;
mod entry;
mod login_file;
mod lookup;
mod place;
mod program;
mod source;

use aisoc_manifests::fault::Result;

use self::config::{Config, Keeper};
pub(super) use self::credential::Credential;
pub use self::login_file::{ForgottenLogin, KeptLogin, LoginFile};
pub(super) use self::lookup::Lookup;
pub use self::lookup::{LoginOrigin, LoginPart, PassedOver, WhyPassed};
pub(super) use self::place::Place;
use super::scope::Scope;
use crate::options::{Credentials, DockerConfig};

/// The variables of a login, in messages.
const VARIABLES: &str = "AISOC_REGISTRY_USERNAME and AISOC_REGISTRY_PASSWORD";

/// What a search came to.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) credential: Option<Credential>,
    /// What to do when the registry refuses it. A new login helps nobody whose variable comes before it.
    pub(super) remedy: Option<String>,
    /// What was passed over, in words: it may be why the registry refuses later.
    pub(super) trouble: Option<String>,
}

/// What becomes of a source that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unusable {
    /// It is passed over.
    PassedOver,
    /// It ends the search, unless it is another user's file that nobody named.
    Ends,
}

/// The credential for exactly that place, if there is one: of several sources the first that has one counts.
///
/// A source that cannot be used is no reason to fail when reading: a public repository needs no credential. It
/// is one when writing: a later source may be somebody else, and they would be the publisher.
///
/// # Errors
/// That of such a source, when writing.
pub(super) async fn find(credentials: &Credentials, place: &Place, scope: Scope) -> Result<Found> {
    let unusable = if scope.is_read_only() { Unusable::PassedOver } else { Unusable::Ends };
    let lookup = search(credentials, place, unusable).await?;
    let trouble = lookup.trouble();
    Ok(Found { credential: lookup.credential, remedy: lookup.remedy, trouble })
}

/// The same search, with all that it passed over; nothing ends it but a login.
///
/// # Errors
/// That of a login in the variables which no header can carry.
pub(super) async fn explain(credentials: &Credentials, place: &Place) -> Result<Lookup> {
    search(credentials, place, Unusable::PassedOver).await
}

async fn search(credentials: &Credentials, place: &Place, unusable: Unusable) -> Result<Lookup> {
    let mut lookup = Lookup::default();
    in_variables(credentials, place, &mut lookup)?;
    for source in &credentials.docker_configs {
        let name = source::name(source);
        if lookup.from.is_some() {
            lookup.pass_over(&name, None, WhyPassed::NotAsked);
            continue;
        }
        match look_into(source, place, &mut lookup).await {
            Err(fault) => {
                let is_out_of_reach = source::is_out_of_reach(source, &fault);
                if unusable == Unusable::Ends && !is_out_of_reach {
                    return Err(fault);
                }
                lookup.stumble_over(&name, None, is_out_of_reach, &fault);
            }
            Ok(None) => {}
            Ok(Some((credential, part))) => {
                lookup.found(credential, &name, Some(part), source::remedy(source, place));
            }
        }
    }
    Ok(lookup)
}

/// The login of the variables, which comes before every file.
fn in_variables(credentials: &Credentials, place: &Place, lookup: &mut Lookup) -> Result<()> {
    let Some(login) = credentials.login.as_ref().filter(|login| place.is_at(&login.registry)) else {
        let why = match &credentials.unused {
            Some(why) => WhyPassed::OtherRegistry(why.clone()),
            None => WhyPassed::NotSet,
        };
        lookup.pass_over(VARIABLES, None, why);
        return Ok(());
    };
    let remedy = format!("set {VARIABLES} anew, or unset them");
    let credential =
        Credential::of_login(&login.username, login.password.reveal()).map_err(|fault| fault.hint(&remedy))?;
    match credential {
        Some(credential) => lookup.found(credential, VARIABLES, None, remedy),
        // Whoever sets them to nothing is nobody, whatever the files say.
        None => lookup.nobody(VARIABLES, remedy),
    }
    Ok(())
}

/// What one source has, and which part of it.
async fn look_into(
    source: &DockerConfig,
    place: &Place,
    lookup: &mut Lookup,
) -> Result<Option<(Credential, LoginPart)>> {
    let name = source::name(source);
    let Some(config) = source::read(source).await? else {
        lookup.pass_over(&name, None, WhyPassed::Absent);
        return Ok(None);
    };
    let known = lookup.passed.len();
    let remedy = source::remedy(source, place);
    let found = look_up(&config, place, (&name, &remedy), lookup)
        .await
        .map_err(|fault| fault.about(format!("no credentials for `{}` from `{name}`", place.registry())))?;
    if found.is_none() && lookup.passed.len() == known {
        lookup.pass_over(&name, None, if config.is_empty() { WhyPassed::Empty } else { WhyPassed::NoEntry });
    }
    Ok(found)
}

/// A helper of the registry or the store of all, as Docker asks them, then the entries, which older logins left. A
/// store that fails stops nobody whose entry is there.
async fn look_up(
    config: &Config,
    place: &Place,
    (name, remedy): (&str, &str),
    lookup: &mut Lookup,
) -> Result<Option<(Credential, LoginPart)>> {
    let keeper = config.keeper(place)?;
    if let Keeper::Helper(helper) = keeper {
        let part = LoginPart::Helper(program::name(helper));
        match program::ask(helper, place.servers()).await? {
            Some(found) => return Ok(Some((found, part))),
            None => lookup.pass_over(name, Some(part), WhyPassed::NoLogin),
        }
    }
    let mut failed = None;
    if let Keeper::Store(store) = keeper {
        let part = LoginPart::Store(program::name(store));
        match program::ask(store, place.servers()).await {
            Ok(Some(found)) => return Ok(Some((found, part))),
            Ok(None) => lookup.pass_over(name, Some(part), WhyPassed::NoLogin),
            Err(fault) => failed = Some((part, fault)),
        }
    }
    for (key, entry) in config.entries(place) {
        let part = LoginPart::Entry(key.to_owned());
        match entry::read(entry).map_err(|fault| fault.hint(remedy.to_owned()))? {
            Some(found) => {
                if let Some((store, fault)) = failed {
                    lookup.stumble_over(name, Some(store), true, &fault);
                }
                return Ok(Some((found, part)));
            }
            None => lookup.pass_over(name, Some(part), WhyPassed::NoLogin),
        }
    }
    failed.map_or(Ok(None), |(_, fault)| Err(fault))
}

#[cfg(test)]
mod tests {
    use super::credential::tests::revealed;
    use super::place::tests::place;
    use super::*;
    use crate::options::{Login, Secret};
    use std::path::Path;

    fn text(json: &str) -> DockerConfig {
        DockerConfig::Text { variable: "DOCKER_AUTH_CONFIG".to_owned(), json: Secret::new(json) }
    }

    fn file(path: impl AsRef<Path>, is_named: bool) -> DockerConfig {
        DockerConfig::File { path: path.as_ref().to_owned(), is_named }
    }

    async fn search(sources: &[DockerConfig], reference: &str, scope: Scope) -> Result<Found> {
        let credentials = Credentials { docker_configs: sources.to_vec(), ..Credentials::default() };
        find(&credentials, &place(reference), scope).await
    }

    /// Entries with a user name each, in the order in which they are written.
    fn auths(entries: &[(&str, &str)]) -> String {
        let entries = entries.iter().map(|(key, user)| format!(r#""{key}":{{"username":"{user}","password":"p"}}"#));
        format!(r#"{{"auths":{{{}}}}}"#, entries.collect::<Vec<_>>().join(","))
    }

    #[tokio::test]
    async fn which_entry_is_whose() {
        const HUB: &str = "https://index.docker.io/v1/";
        for (entries, reference, expected) in [
            (&[("ghcr.io", "a")][..], "ghcr.io/team/demo:1", "a"),
            (&[("ghcr.io", "a")], "quay.io/team/demo:1", "none"),
            (&[("ghcr.io", "a")], "ghcr.io:5000/team/demo:1", "none"),
            (&[("https://ghcr.io/v1/", "one"), ("https://ghcr.io/v2/", "two")], "ghcr.io/team/demo:1", "two"),
            (&[("https://ghcr.io/v1/", "one"), ("ghcr.io", "host")], "ghcr.io/team/demo:1", "host"),
            (&[("ghcr.io/team", "team"), ("ghcr.io", "host")], "ghcr.io/team/demo:1", "team"),
            (&[("ghcr.io/team", "team"), ("ghcr.io", "host")], "ghcr.io/teams/demo:1", "host"),
            (&[("ghcr.io/team", "team"), ("ghcr.io/team/demo", "demo")], "ghcr.io/team/demo:1", "demo"),
            (&[("ghcr.io/team", "team"), ("ghcr.io/team/demo", "demo")], "ghcr.io/team/demo2:1", "team"),
            (&[("ghcr.io/team", "team")], "ghcr.io/other/demo:1", "none"),
            (&[("localhost:5000/team", "team")], "localhost:5000/team/demo:1", "team"),
            (&[(HUB, "hub")], "docker.io/team/demo:1", "hub"),
            (&[(HUB, "hub"), ("docker.io", "podman")], "docker.io/team/demo:1", "hub"),
            (&[(HUB, "hub"), ("docker.io/team", "team")], "docker.io/team/demo:1", "team"),
            (&[("https://index.docker.io/v1/access-token", "never")], "docker.io/team/demo:1", "none"),
            (&[("https://index.docker.io/v1/refresh-token", "never")], "docker.io/team/demo:1", "none"),
            (&[("docker.io", "podman")], "docker.io/team/demo:1", "podman"),
            (&[("docker.io", "podman")], "ghcr.io/team/demo:1", "none"),
        ] {
            let expected = if expected == "none" { "none".to_owned() } else { format!("login {expected:?} \"p\"") };
            let reversed: Vec<_> = entries.iter().rev().copied().collect();
            for entries in [entries, &reversed] {
                let found = search(&[text(&auths(entries))], reference, Scope::Pull).await.expect("searched");
                assert_eq!(revealed(found.credential), expected, "{entries:?} for {reference}");
                assert_eq!(found.trouble, None);
            }
        }
    }

    #[tokio::test]
    async fn an_entry_that_says_nothing_leaves_the_word_to_the_next_one() {
        let config = r#"{"auths":{"ghcr.io/team":{},"ghcr.io":{"auth":"dTpw"},"https://ghcr.io":{"auth":"eDp5"}}}"#;
        let found = search(&[text(config)], "ghcr.io/team/demo:1", Scope::PullPush).await.expect("searched");
        assert_eq!(revealed(found.credential), r#"login "u" "p""#);
    }

    #[tokio::test]
    async fn the_first_source_that_has_one_counts() {
        let directory = tempfile::tempdir().expect("directory");
        let written = |name: &str, content: &str| {
            std::fs::write(directory.path().join(name), content).expect("written");
            file(directory.path().join(name), true)
        };
        let absent = directory.path().join("absent");
        let sources = [
            text(" "),
            file(&absent, true),
            file("/dev/null", true),
            file("/dev/null/.docker/config.json", false),
            written("empty", ""),
            written("blank", "\n"),
            written("braces", "{}"),
            written("other", &auths(&[("quay.io", "other")])),
            written("first", &auths(&[("https://ghcr.io", "first")])),
            written("second", &auths(&[("ghcr.io", "second")])),
        ];
        for scope in [Scope::Pull, Scope::PullPush] {
            let found = search(&sources, "ghcr.io/team/demo:1", scope).await.expect("searched");
            assert_eq!((revealed(found.credential), found.trouble), (r#"login "first" "p""#.to_owned(), None));
        }
        for (user, expected) in [("v", r#"login "v" "p""#), ("<token>", r#"identity "p""#)] {
            let login = Login { registry: "GHCR.io".to_owned(), username: user.to_owned(), password: Secret::new("p") };
            let credentials =
                Credentials { login: Some(login), docker_configs: sources.to_vec(), ..Credentials::default() };
            let found = find(&credentials, &place("ghcr.io/team/demo:1"), Scope::PullPush).await.expect("searched");
            assert_eq!(revealed(found.credential), expected);
        }
    }

    /// The source of a login, its part, and what came before and behind it, in words.
    async fn explained(sources: &[DockerConfig], reference: &str) -> (String, Vec<String>) {
        let credentials = Credentials { docker_configs: sources.to_vec(), ..Credentials::default() };
        let lookup = explain(&credentials, &place(reference)).await.expect("explained");
        let name = |source: &str| source.rsplit('/').next().unwrap_or_default().to_owned();
        let from = lookup.from.map_or("none".to_owned(), |from| format!("{} {:?}", name(&from.source), from.part));
        let passed = lookup.passed.iter().map(|passed| {
            let why = match &passed.why {
                WhyPassed::Unusable { stops_writing, .. } => format!("Unusable {stops_writing}"),
                why => format!("{why:?}"),
            };
            format!("{} {:?} {why}", name(&passed.source), passed.part)
        });
        (from, passed.collect())
    }

    #[tokio::test]
    async fn whoever_asks_why_is_told_of_every_source() {
        let directory = tempfile::tempdir().expect("directory");
        let written = |name: &str, content: &str| {
            std::fs::write(directory.path().join(name), content).expect("written");
            file(directory.path().join(name), true)
        };
        let sources = [
            file(directory.path().join("absent"), true),
            written("empty", " "),
            written("braces", r#"{"HttpHeaders":{}}"#),
            written("other", &auths(&[("quay.io", "other")])),
            written("broken", "hunter2"),
            written("says-nothing", r#"{"auths":{"ghcr.io/team":{},"ghcr.io":{}}}"#),
            written(
                "missing-store",
                r#"{"auths":{"ghcr.io":{"auth":"dTpw"}},"credsStore":"is-not-installed-anywhere"}"#,
            ),
            written("behind", &auths(&[("ghcr.io", "behind")])),
        ];
        let (from, passed) = explained(&sources, "ghcr.io/team/demo:1").await;
        assert_eq!(from, r#"missing-store Some(Entry("ghcr.io"))"#);
        assert_eq!(
            passed,
            [
                "AISOC_REGISTRY_USERNAME and AISOC_REGISTRY_PASSWORD None NotSet",
                "absent None Absent",
                "empty None Empty",
                "braces None Empty",
                "other None NoEntry",
                "broken None Unusable true",
                r#"says-nothing Some(Entry("ghcr.io/team")) NoLogin"#,
                r#"says-nothing Some(Entry("ghcr.io")) NoLogin"#,
                r#"missing-store Some(Store("docker-credential-is-not-installed-anywhere")) Unusable false"#,
                "behind None NotAsked",
            ]
        );
        let (from, passed) = explained(&sources[..4], "ghcr.io/team/demo:1").await;
        assert_eq!((from.as_str(), passed.len()), ("none", 5));
        // Another user's file, which nobody named, stops nobody.
        let unnamed = explained(&[file(directory.path(), false)], "ghcr.io/team/demo:1").await;
        assert!(unnamed.1[1].ends_with("None Unusable true"), "a directory is no file: {unnamed:?}");
    }

    #[tokio::test]
    async fn variables_for_another_registry_are_told_and_variables_that_are_empty_end_the_search() {
        let login = |registry: &str, username: &str| Login {
            registry: registry.to_owned(),
            username: username.to_owned(),
            password: Secret::new(""),
        };
        let last = text(&auths(&[("ghcr.io", "last")]));
        let with = |login, unused: Option<&str>| Credentials {
            login: Some(login),
            docker_configs: vec![last.clone()],
            unused: unused.map(str::to_owned),
            ..Credentials::default()
        };
        let place = place("ghcr.io/team/demo:1");
        let lookup = explain(&with(login("quay.io", "me"), Some("for quay.io")), &place).await.expect("explained");
        assert_eq!(lookup.passed[0].why, WhyPassed::OtherRegistry("for quay.io".to_owned()));
        assert_eq!(revealed(lookup.credential), r#"login "last" "p""#);
        let lookup = explain(&with(login("ghcr.io", ""), None), &place).await.expect("explained");
        assert_eq!(lookup.from.expect("a source").source, VARIABLES);
        assert_eq!(lookup.passed[0].why, WhyPassed::NotAsked);
        assert_eq!(revealed(lookup.credential), "none");
    }

    #[tokio::test]
    async fn a_source_that_cannot_be_used_stops_who_writes_and_is_told_to_who_reads() {
        let directory = tempfile::tempdir().expect("directory");
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("broken"), "hunter2").expect("written");
        std::fs::write(path("large"), vec![b' '; (1 << 20) + 1]).expect("written");
        let last = text(&auths(&[("ghcr.io", "last")]));
        for (source, expected) in [
            (file(path("broken"), false), "broken`: no configuration of logins: not a JSON object"),
            (file(directory.path(), false), "it is not a regular file"),
            (file(path("large"), false), "1048577 bytes"),
            (text("hunter2"), "`DOCKER_AUTH_CONFIG`: no configuration of logins"),
            (text(r#"{"auths":{"ghcr.io":{"auth":"hunter2!"}}}"#), "an `auth` that is not base64"),
            (text(r#"{"credsStore":"is-not-installed-anywhere"}"#), "is not on the PATH"),
            (text(r#"{"credHelpers":{"ghcr.io":"../sh"}}"#), "not a program's"),
        ] {
            let sources = [source, last.clone()];
            let stopped = search(&sources, "ghcr.io/team/demo:1", Scope::PullPush).await.expect_err("stopped");
            let found = search(&sources, "ghcr.io/team/demo:1", Scope::Pull).await.expect("searched");
            let told = found.trouble.expect("told");
            assert!(told.contains(expected) && told.starts_with(&stopped.to_string()), "{told}");
            assert!(![told, format!("{stopped:?}")].iter().any(|said| said.contains("hunter2")), "{stopped:?}");
            assert!(!stopped.next_step().contains("hunter2"));
            assert_eq!(revealed(found.credential), r#"login "last" "p""#);
        }
        // Trouble behind a source that has one is nobody's.
        let sources = [last, file(path("broken"), true)];
        let found = search(&sources, "ghcr.io/team/demo:1", Scope::PullPush).await.expect("searched");
        assert_eq!(found.trouble, None);
    }
}
