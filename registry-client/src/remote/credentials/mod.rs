//! Finding the credential for one repository, in what the caller named and in the order in which it did.
//!
//! Read `place` for which key means which repository, `source` for files and variables, `config` and `entry` for
//! the format that Docker and podman write, `program` for credential helpers. All of it was a library's once, which took of two keys for one
//! registry the one that its table in memory had first, and failed when a helper did not read its question.

mod config;
mod credential;
mod entry;
mod place;
mod program;
mod source;

use std::error::Error as _;

use aisoc_manifests::fault::{Fault, Result};

use self::config::{Config, Keeper};
pub(super) use self::credential::Credential;
pub(super) use self::place::Place;
use super::scope::Scope;
use crate::options::{Credentials, DockerConfig};

/// What a search came to.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) credential: Option<Credential>,
    /// What to do when the registry refuses it. A new login helps nobody whose variable comes before it.
    pub(super) remedy: Option<String>,
    /// What was passed over, in words: it may be why the registry refuses later.
    pub(super) trouble: Option<String>,
}

/// The credential for exactly that place, if there is one: of several sources the first that has one counts.
///
/// A source that cannot be used is no reason to fail when reading: a public repository needs no credential. It
/// is one when writing: a later source may be somebody else, and they would be the publisher.
///
/// # Errors
/// That of such a source, when writing.
pub(super) async fn find(credentials: &Credentials, place: &Place, scope: Scope) -> Result<Found> {
    if let Some(login) = credentials.login.as_ref().filter(|login| place.is_at(&login.registry)) {
        let remedy = "set AISOC_REGISTRY_USERNAME and AISOC_REGISTRY_PASSWORD anew, or unset them".to_owned();
        let credential =
            Credential::of_login(&login.username, login.password.reveal()).map_err(|fault| fault.hint(&remedy))?;
        return Ok(Found { credential, remedy: Some(remedy), trouble: None });
    }
    let mut found = Found::default();
    for source in &credentials.docker_configs {
        match look_into(source, place).await {
            Err(fault) if scope != Scope::Pull && !source::is_out_of_reach(source, &fault) => return Err(fault),
            Err(fault) => found.pass_over(&fault),
            Ok(None) => {}
            Ok(credential) => {
                let remedy = Some(source::remedy(source, place));
                return Ok(Found { credential, remedy, ..found });
            }
        }
    }
    Ok(found)
}

impl Found {
    fn pass_over(&mut self, fault: &Fault) {
        let cause = fault.source().map_or(String::new(), |cause| format!(": {cause}"));
        let before = self.trouble.take().map_or(String::new(), |trouble| format!("{trouble}; "));
        self.trouble = Some(format!("{before}{fault}{cause}"));
    }
}

async fn look_into(source: &DockerConfig, place: &Place) -> Result<Option<Credential>> {
    let config = source::read(source).await?;
    look_up(&config, place, &source::remedy(source, place)).await.map_err(|fault| {
        fault.about(format!("no credentials for `{}` from `{}`", place.registry(), source::name(source)))
    })
}

/// A helper of the registry or the store of all, as Docker asks them, then the entries, which older logins left. A
/// store that fails stops nobody whose entry is there.
async fn look_up(config: &Config, place: &Place, remedy: &str) -> Result<Option<Credential>> {
    let keeper = config.keeper(place)?;
    if let Keeper::Helper(name) = keeper
        && let Some(found) = program::ask(name, place.servers()).await?
    {
        return Ok(Some(found));
    }
    let stored = match keeper {
        Keeper::Store(name) => program::ask(name, place.servers()).await,
        Keeper::Helper(_) | Keeper::Entries => Ok(None),
    };
    if let Ok(Some(found)) = stored {
        return Ok(Some(found));
    }
    for entry in config.entries(place) {
        if let Some(found) = entry::read(entry).map_err(|fault| fault.hint(remedy.to_owned()))? {
            return Ok(Some(found));
        }
    }
    stored
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
            let credentials = Credentials { login: Some(login), docker_configs: sources.to_vec(), unused: None };
            let found = find(&credentials, &place("ghcr.io/team/demo:1"), Scope::PullPush).await.expect("searched");
            assert_eq!(revealed(found.credential), expected);
        }
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
