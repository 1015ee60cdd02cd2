//! The environment: arguments and variables, read in this file and nowhere else, and passed on as values.
//!
//! A variable is read when it is asked for, and not before: some hold secrets, and a copy of one would stay in
//! memory that nobody wipes.
//!
//! What libraries read by themselves: `rustls-native-certs` where the machine's certificates are, when the
//! variables for that are not set, the standard library the `PATH` on which it finds the credential helper that a
//! Docker config names,
//! `listenfd` `LISTEN_FDS` and its like once they were looked at here, and takes them away,
//! `tempfile` `TMPDIR`, `anstream` `NO_COLOR` and its like, `indicatif` and `clap` the terminal's.
#![expect(clippy::disallowed_methods, reason = "its room: the one place that reads the environment")]

use std::env;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_pipeline::{ALLOW_UNPINNED, CiSystem, REGISTRY_ALLOWLIST, ReferenceRules, UserPlugins};
use aisoc_platform::Identity;
use aisoc_registry_client::{CertificateFile, Certificates, DockerConfig, Proxies, ProxyVariable, Secret};
use aisoc_trust::{
    CoverageRule, OVERRIDE_PUBLISHERS, PluginMode, Publishers, TRUSTED_PUBLISHERS, TrustMode, UNSIGNED_ACK,
    UNSIGNED_ACK_TEXT,
};
use aisoc_worker::{KEPT_VARIABLES, Python};
use jiff::SignedDuration;

use crate::args::duration::some_duration;
use crate::output::Workspace;

/// The plugins directory.
pub(crate) const PLUGINS_DIR: &str = "AISOC_PLUGINS_DIR";
/// The Python that runs plugins; and the one that does where nobody names one.
pub(crate) const PYTHON: &str = "AISOC_PYTHON";
pub(crate) const DEFAULT_PYTHON: &str = "python3";
/// A file of logins, as podman has it.
pub(crate) const REGISTRY_AUTH_FILE: &str = "REGISTRY_AUTH_FILE";
/// The directory of Docker's files.
pub(crate) const DOCKER_CONFIG: &str = "DOCKER_CONFIG";
/// The directory of the policy, and of the identity that a site is bound to.
pub(crate) const CONFIG_DIR: &str = "AISOC_CONFIG_DIR";
/// Whether commands run without a policy.
pub(crate) const POLICY: &str = "AISOC_POLICY";
/// Where a user's settings are.
pub(crate) const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// Where the user's programs keep what they go on with.
pub(crate) const XDG_STATE_HOME: &str = "XDG_STATE_HOME";
/// Where the machine's certificates are: a file, and directories.
pub(crate) const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
pub(crate) const SSL_CERT_DIR: &str = "SSL_CERT_DIR";
/// The proxies, and the hosts that need none, in either case.
pub(crate) const HTTP_PROXY: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
pub(crate) const HTTPS_PROXY: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
pub(crate) const ALL_PROXY: [&str; 2] = ["ALL_PROXY", "all_proxy"];
pub(crate) const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// What a web server tells a program that it calls.
const REQUEST_METHOD: &str = "REQUEST_METHOD";
/// Where an SSH agent listens.
pub(crate) const SSH_AUTH_SOCK: &str = "SSH_AUTH_SOCK";
/// That somebody wants plain text (no-color.org).
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// Whether plugins are confined.
pub(crate) const SANDBOX: &str = "AISOC_SANDBOX";
/// Who calls plugins, for policies.
pub(crate) const IDENTITY: &str = "AISOC_IDENTITY";
/// For which registry the next two are.
pub(crate) const REGISTRY_HOST: &str = "AISOC_REGISTRY_HOST";
/// A user of a registry.
pub(crate) const REGISTRY_USERNAME: &str = "AISOC_REGISTRY_USERNAME";
/// That user's password or token.
pub(crate) const REGISTRY_PASSWORD: &str = "AISOC_REGISTRY_PASSWORD";
/// Logins, in the format of Docker's `config.json`: the document itself, as GitLab's jobs have it.
pub(crate) const DOCKER_AUTH_CONFIG: &str = "DOCKER_AUTH_CONFIG";
/// Where the host is that `aisoc api` asks.
pub(crate) const HOST_URL: &str = "AISOC_HOST_URL";
/// The token that is shown to it.
pub(crate) const HOST_TOKEN: &str = "AISOC_HOST_TOKEN";
/// The longest time for all that a command asks of registries.
pub(crate) const TIMEOUT: &str = "AISOC_TIMEOUT";
/// Certificates that are trusted beside the machine's own.
pub(crate) const CA_FILE: &str = "AISOC_CA_FILE";
/// What the gate does about what is not verified.
pub(crate) const TRUST_MODE: &str = "PLUGIN_TRUST_MODE";
/// What a signature has to cover.
pub(crate) const TRUST_COVERAGE: &str = "PLUGIN_TRUST_COVERAGE";
/// The directory of trusted public keys.
pub(crate) const TRUSTED_KEYS_DIR: &str = "PLUGIN_TRUSTED_KEYS_DIR";
/// The file of trust rules.
pub(crate) const TRUST_POLICY: &str = "PLUGIN_TRUST_POLICY";
/// The trusted root by which proofs of sigstore are judged.
pub(crate) const SIGSTORE_ROOT: &str = "PLUGIN_SIGSTORE_ROOT";
/// The authorities whose word is taken for when something was signed.
pub(crate) const TIMESTAMP_ROOT: &str = "PLUGIN_TIMESTAMP_ROOT";
/// What no plugin may ask for.
pub(crate) const DENY_CAPABILITIES: &str = "AISOC_PLUGIN_DENY_CAPABILITIES";
/// The names that Stigmem has for settings that are ours as well.
const OF_STIGMEM: [(&str, &str); 3] = [
    (TRUSTED_PUBLISHERS, STIGMEM_TRUSTED_PUBLISHERS),
    (OVERRIDE_PUBLISHERS, STIGMEM_OVERRIDE_PUBLISHERS),
    (UNSIGNED_ACK, STIGMEM_UNSIGNED_ACK),
];
/// Whose plugins are taken, as Stigmem calls it.
pub(crate) const STIGMEM_TRUSTED_PUBLISHERS: &str = "STIGMEM_PLUGIN_TRUSTED_PUBLISHERS";
/// Whose plugins are taken as an exception, as Stigmem calls it.
pub(crate) const STIGMEM_OVERRIDE_PUBLISHERS: &str = "STIGMEM_PLUGIN_TRUST_OVERRIDE_PUBLISHERS";
/// That nothing is verified is meant, as Stigmem calls it.
pub(crate) const STIGMEM_UNSIGNED_ACK: &str = "STIGMEM_PLUGIN_UNSIGNED_ACK";
/// Where Python finds distributions.
pub(crate) const SITE_PACKAGES: &str = "AISOC_SITE_PACKAGES";
/// The virtual environment that is active, as Python's `activate` says it.
pub(crate) const VIRTUAL_ENV: &str = "VIRTUAL_ENV";
/// The data directory, in whose `plugins` drop-ins are; and the same, as Chaos Cypher calls it.
pub(crate) const DATA_DIRS: [&str; 2] = ["AISOC_DATA_DIR", "CHAOSCYPHER_DATA_DIR"];
/// Whether drop-ins count; and the same, as Chaos Cypher calls it.
pub(crate) const USER_PLUGINS: [&str; 2] = ["AISOC_ALLOW_USER_PLUGINS", "CHAOSCYPHER_ALLOW_USER_PLUGINS"];
/// Whether a host loads what the lock does not accept.
pub(crate) const PLUGIN_MODE: &str = "AISOC_PLUGIN_MODE";
/// The same, as capa calls it.
pub(crate) const CAPA_PLUGIN_MODE: &str = "CAPA_PLUGIN_MODE";
/// Where a step of GitHub Actions leaves values for the next.
pub(crate) const GITHUB_OUTPUT: &str = "GITHUB_OUTPUT";
/// Where a step of GitHub Actions leaves its summary.
pub(crate) const GITHUB_STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// Whether this is a step of GitHub Actions, whose logs hold workflow commands.
pub(crate) const GITHUB_ACTIONS: &str = "GITHUB_ACTIONS";
/// An identity token of this job, as GitLab gives it.
pub(crate) const SIGSTORE_ID_TOKEN: &str = "SIGSTORE_ID_TOKEN";
/// Where a step of GitHub Actions asks for an identity token, and with what.
pub(crate) const ACTIONS_ID_TOKEN_REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
pub(crate) const ACTIONS_ID_TOKEN_REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/// Whether this is a job of GitLab CI.
pub(crate) const GITLAB_CI: &str = "GITLAB_CI";
/// Where a step of GitHub Actions finds the repository.
pub(crate) const GITHUB_WORKSPACE: &str = "GITHUB_WORKSPACE";
/// The time that a reproducible build writes, in seconds since 1970.
pub(crate) const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";
/// What kind of installation this is, as the host reads it.
pub(crate) const ENVIRONMENT: &str = "ENVIRONMENT";
/// The file that events go into, as JSON lines.
pub(crate) const LOG_FILE: &str = "AISOC_LOG_FILE";
/// How many sockets a service manager hands on (`sd_listen_fds(3)`).
pub(crate) const LISTEN_FDS: &str = "LISTEN_FDS";
/// And to which process.
pub(crate) const LISTEN_PID: &str = "LISTEN_PID";
/// What it calls them, with colons between.
pub(crate) const LISTEN_FDNAMES: &str = "LISTEN_FDNAMES";
/// Where they begin, which is nothing that systemd says.
pub(crate) const LISTEN_FDS_FIRST_FD: &str = "LISTEN_FDS_FIRST_FD";
/// Where a service manager is told how a process does (`sd_notify(3)`).
pub(crate) const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";
/// Within how many microseconds it wants to hear again (`sd_watchdog_enabled(3)`).
pub(crate) const WATCHDOG_USEC: &str = "WATCHDOG_USEC";
/// And of which process.
pub(crate) const WATCHDOG_PID: &str = "WATCHDOG_PID";
/// Values of [`ENVIRONMENT`] in which nobody has to be warned about a mode that checks nothing.
const DEVELOPMENT: [&str; 5] = ["development", "dev", "local", "demo", "test"];

/// Value of [`ENVIRONMENT`] in which tests run, whose hosts are asked as those of production are.
const TEST: &str = "test";

/// CI systems by the variables that name a job: its number, and what it belongs to.
const CI_JOBS: [(&str, &str, &str); 7] = [
    ("github", "GITHUB_RUN_ID", "GITHUB_REPOSITORY"),
    ("gitlab", "CI_JOB_ID", "CI_PROJECT_PATH"),
    ("azure", "BUILD_BUILDID", "BUILD_REPOSITORY_NAME"),
    ("buildkite", "BUILDKITE_BUILD_NUMBER", "BUILDKITE_PIPELINE_SLUG"),
    ("circleci", "CIRCLE_BUILD_NUM", "CIRCLE_PROJECT_REPONAME"),
    ("drone", "DRONE_BUILD_NUMBER", "DRONE_REPO"),
    ("jenkins", "BUILD_NUMBER", "JOB_NAME"),
];

/// Variables that hold paths, which results show.
pub(crate) const PATHS: [&str; 6] =
    [PLUGINS_DIR, TRUSTED_KEYS_DIR, CA_FILE, SIGSTORE_ROOT, TIMESTAMP_ROOT, TRUST_POLICY];

/// What this process was started with.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    arguments: Vec<OsString>,
    read: fn(&str) -> Option<OsString>,
}

impl Environment {
    /// Of this process.
    pub(crate) fn of_process() -> Self {
        Self { arguments: env::args_os().collect(), read: |name| env::var_os(name) }
    }

    /// Of a command line that nobody typed, without variables.
    #[cfg(test)]
    pub(crate) fn with_arguments(arguments: Vec<OsString>) -> Self {
        Self { arguments, read: |_| None }
    }

    /// The words of the command line, the program's own name first.
    pub(crate) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// The words after the program's name.
    pub(crate) fn words(&self) -> impl Iterator<Item = &OsString> {
        self.arguments.iter().skip(1)
    }

    /// A variable that somebody named, as it is.
    pub(crate) fn named(&self, name: &str) -> Option<OsString> {
        (self.read)(name)
    }

    /// A variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<OsString> {
        self.named(name).filter(|value| !value.is_empty())
    }

    /// A variable that is set and not empty, as a path.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from)
    }

    /// Where the repository is, in a step of GitHub Actions.
    pub(crate) fn github_workspace(&self) -> Option<Workspace> {
        self.variable(GITHUB_ACTIONS).filter(|value| value == "true")?;
        Some(Workspace(self.path(GITHUB_WORKSPACE).unwrap_or_default()))
    }

    /// The CI system that this process is in a job of, where it is one that says of its jobs where they are from.
    pub(crate) fn ci_system(&self) -> Option<CiSystem> {
        let is_set = |name: &str| self.variable(name).is_some_and(|value| value == "true");
        let systems = [(GITHUB_ACTIONS, CiSystem::GitHub), (GITLAB_CI, CiSystem::GitLab)];
        systems.into_iter().find(|(name, _)| is_set(name)).map(|(_, system)| system)
    }

    /// The job of a CI system that this process is in, as a note for people: `github acme/keys run 12`.
    pub(crate) fn ci_run(&self) -> Option<String> {
        let text = |name| self.variable(name).map(|value| value.to_string_lossy().into_owned());
        CI_JOBS.iter().find_map(|(system, number, project)| {
            let number = text(number)?;
            Some(match text(project) {
                Some(project) => format!("{system} {project} run {number}"),
                None => format!("{system} run {number}"),
            })
        })
    }

    /// Who calls plugins where no token says it, as somebody has said it.
    ///
    /// # Errors
    /// `usage` for another word.
    pub(crate) fn identity(&self) -> Result<Option<Identity>> {
        let Some(text) = self.text(IDENTITY)? else { return Ok(None) };
        Identity::parse(&text).map_err(|_| {
            Fault::new(Reason::Usage, format!("{IDENTITY} says who calls plugins, and here is neither of its words"))
                .expected("user or bot", format!("`{}`", shown(&text, 60)))
                .hint(format!("correct {IDENTITY}, or unset it"))
        })
    }

    /// Whether a job of CI has that option of a release on, where nobody says otherwise. Where a job is from, only the systems
    /// say whose variables provenance is made of.
    pub(crate) fn turns_on(&self, option: &str) -> bool {
        match option {
            "sbom" => self.ci_system().is_some() || self.ci_run().is_some(),
            "provenance" => self.ci_system().is_some(),
            _ => false,
        }
    }

    /// Whether a variable lowers what is checked, as that option would.
    pub(crate) fn lowers(&self, option: &str) -> bool {
        let word = |name| self.variable(name).map(|text| text.to_string_lossy().into_owned());
        match option {
            "trust-mode" => {
                word(TRUST_MODE).is_some_and(|word| !matches!(word.parse(), Ok(TrustMode::Strict) | Err(_)))
            }
            "trust-coverage" => word(TRUST_COVERAGE).is_some_and(|word| matches!(word.parse(), Ok(CoverageRule::Code))),
            "plugin-mode" => [PLUGIN_MODE, CAPA_PLUGIN_MODE]
                .into_iter()
                .find_map(word)
                .is_some_and(|word| matches!(word.parse(), Ok(PluginMode::Dev))),
            _ => false,
        }
    }

    /// Who calls plugins: whom somebody has named, else a program in a CI system and where there is no terminal.
    ///
    /// # Errors
    /// As [`Environment::identity`].
    pub(crate) fn caller(&self) -> Result<Identity> {
        let is_somebody = || self.ci_run().is_none() && std::io::stdin().is_terminal();
        Ok(self.identity()?.unwrap_or_else(|| if is_somebody() { Identity::User } else { Identity::Bot }))
    }

    /// The user's home, if it is said where that is.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.path("HOME")
    }

    /// Where Python finds distributions, as somebody has said it.
    pub(crate) fn site_packages(&self) -> Vec<PathBuf> {
        let listed = self.variable(SITE_PACKAGES).unwrap_or_default();
        env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect()
    }

    /// The data directory, if one is named.
    pub(crate) fn data_dir(&self) -> Option<PathBuf> {
        DATA_DIRS.iter().find_map(|name| self.path(name))
    }

    /// The file that events go into, if one is named.
    pub(crate) fn log_file(&self) -> Option<PathBuf> {
        self.path(LOG_FILE)
    }

    /// Whether drop-ins count: they do not, as soon as one of the switches is off.
    pub(crate) fn user_plugins(&self) -> UserPlugins {
        let switches = USER_PLUGINS.map(|name| UserPlugins::of_switch(self.named(name).as_deref()));
        if switches.contains(&UserPlugins::Disabled) { UserPlugins::Disabled } else { UserPlugins::Allowed }
    }

    /// The user's lock, where none stands in the working directory.
    pub(crate) fn plugins_lock(&self) -> Option<PathBuf> {
        let home = self.path(XDG_CONFIG_HOME).or_else(|| Some(self.path("HOME")?.join(".config")))?;
        Some(home.join("aisoc").join("plugins.lock"))
    }

    /// Where aisoc keeps what it goes on with for this user (XDG Base Directory Specification).
    pub(crate) fn state_directory(&self) -> Option<PathBuf> {
        let home = self.path(XDG_STATE_HOME).or_else(|| Some(self.path("HOME")?.join(".local/state")))?;
        // Relative ones are to be passed over, says the same place.
        Some(home.join("aisoc")).filter(|directory| directory.is_absolute())
    }

    /// A variable that is set and not empty, as text.
    ///
    /// # Errors
    /// `usage` when it is not UTF-8.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>> {
        let text = self.variable(name).map(OsString::into_string).transpose();
        text.map_err(|_| Fault::new(Reason::Usage, format!("{name} is not UTF-8")))
    }

    /// A setting by our name for it, else by Stigmem's.
    fn shared_text(&self, name: &str) -> Result<Option<String>> {
        let theirs = OF_STIGMEM.iter().find(|(ours, _)| *ours == name).map(|(_, theirs)| *theirs);
        match (self.text(name)?, theirs) {
            (None, Some(theirs)) => self.text(theirs),
            (ours, _) => Ok(ours),
        }
    }

    /// Whose plugins are taken.
    ///
    /// # Errors
    /// `usage` for a list that cannot be read.
    pub(crate) fn publishers(&self) -> Result<Publishers> {
        let (trusted, overriding) = (self.shared_text(TRUSTED_PUBLISHERS)?, self.shared_text(OVERRIDE_PUBLISHERS)?);
        Publishers::read(trusted.as_deref(), overriding.as_deref())
    }

    /// Whether somebody says to know what it means that nothing is verified. To the byte: it is no word of yes.
    ///
    /// # Errors
    /// `usage` when it is not UTF-8.
    pub(crate) fn is_unsigned_acknowledged(&self) -> Result<bool> {
        Ok(self.shared_text(UNSIGNED_ACK)?.as_deref() == Some(UNSIGNED_ACK_TEXT))
    }

    /// Which references plugins are installed from.
    ///
    /// # Errors
    /// `usage` for a list that cannot be read.
    pub(crate) fn reference_rules(&self) -> Result<ReferenceRules> {
        ReferenceRules::read(self.text(REGISTRY_ALLOWLIST)?.as_deref(), self.text(ALLOW_UNPINNED)?.as_deref())
    }

    /// Whether a terminal may be drawn over: not one that cannot go back in a line, and not for somebody who wants
    /// plain text (no-color.org).
    pub(crate) fn can_draw(&self) -> bool {
        self.variable("TERM").is_some_and(|kind| kind != "dumb") && self.variable(NO_COLOR).is_none()
    }

    /// Whether this is a place for development.
    pub(crate) fn is_development(&self) -> bool {
        self.kind_of_environment().is_some_and(|kind| DEVELOPMENT.contains(&kind.as_str()))
    }

    /// Whether this is a place for development in which hosts ask nobody who they are.
    pub(crate) fn is_development_without_login(&self) -> bool {
        self.is_development() && self.kind_of_environment().as_deref() != Some(TEST)
    }

    fn kind_of_environment(&self) -> Option<String> {
        let value = self.named(ENVIRONMENT).and_then(|value| value.into_string().ok());
        value.map(|value| value.to_ascii_lowercase())
    }

    /// `AISOC_TIMEOUT`: the longest time for all that a command asks of registries.
    ///
    /// # Errors
    /// `usage` when it is set and no length of time: who set an end must not wait without one.
    pub(crate) fn timeout(&self) -> Result<Option<SignedDuration>> {
        let text = self.text(TIMEOUT)?;
        text.map(|text| some_duration(&text).map_err(|fault| fault.about(TIMEOUT))).transpose()
    }

    /// `SOURCE_DATE_EPOCH`: the time that a reproducible build writes, in seconds since 1970.
    ///
    /// # Errors
    /// `usage` when it is set and not a number: a build that asked for a time must not get another one.
    pub(crate) fn source_date_epoch(&self) -> Result<Option<u64>> {
        // Twelve octal digits is what a tar header holds.
        const LATEST: u64 = 0o77_777_777_777;
        let Some(text) = self.variable(SOURCE_DATE_EPOCH) else {
            return Ok(None);
        };
        let seconds = text.to_str().and_then(|text| text.parse().ok()).filter(|seconds| *seconds <= LATEST);
        seconds.map(Some).ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{SOURCE_DATE_EPOCH}` is `{}`", text.to_string_lossy()))
                .hint("set it to seconds since 1970, for example `git log -1 --format=%ct`")
        })
    }

    /// Where tools leave logins, in the order in which they are asked: what a job was given, then what somebody
    /// named, then the places of Docker and podman. `~/.dockercfg` is not among them: Docker itself reads it no
    /// more.
    ///
    /// # Errors
    /// `usage` when `DOCKER_AUTH_CONFIG` is not UTF-8.
    pub(crate) fn docker_configs(&self) -> Result<Vec<DockerConfig>> {
        let document = |json| DockerConfig::Text { variable: DOCKER_AUTH_CONFIG.to_owned(), json: Secret::new(json) };
        let given = self.text(DOCKER_AUTH_CONFIG)?.map(document);
        let named = self.path(REGISTRY_AUTH_FILE);
        // Who names podman's file means that one in place of those that podman would look for.
        let podman = if named.is_some() { Vec::new() } else { self.podman_configs() };
        let file = |path, is_named| DockerConfig::File { path, is_named };
        let files = named.into_iter().map(|path| file(path, true));
        let files = files.chain(self.docker_config()).chain(podman.into_iter().map(|path| file(path, false)));
        Ok(given.into_iter().chain(files).collect())
    }

    /// Where `docker login`, `oras login` and `aisoc registry login` keep logins.
    pub(crate) fn login_file(&self) -> Option<PathBuf> {
        match self.docker_config()? {
            DockerConfig::File { path, .. } => Some(path),
            DockerConfig::Text { .. } => None,
        }
    }

    /// The file of `docker login` and `oras login`.
    fn docker_config(&self) -> Option<DockerConfig> {
        let named = self.path(DOCKER_CONFIG);
        let is_named = named.is_some();
        let directory = named.or_else(|| Some(self.path("HOME")?.join(".docker")))?;
        Some(DockerConfig::File { path: directory.join("config.json"), is_named })
    }

    /// Where `podman login` leaves its file: for as long as the machine runs, or for good.
    fn podman_configs(&self) -> Vec<PathBuf> {
        let user = rustix::process::getuid().as_raw().to_string();
        let lasting = self.path(XDG_CONFIG_HOME).or_else(|| Some(self.path("HOME")?.join(".config")));
        let homes = [
            self.path("XDG_RUNTIME_DIR").map(|runtime| runtime.join("containers")),
            Some(PathBuf::from("/run/containers").join(user)),
            lasting.map(|home| home.join("containers")),
        ];
        homes.into_iter().flatten().map(|home| home.join("auth.json")).collect()
    }

    /// A variable that is set and not empty, as the path of a file of certificates.
    pub(crate) fn certificate_file(&self, name: &'static str) -> Option<CertificateFile> {
        self.path(name).map(|path| CertificateFile { named_by: name, path })
    }

    /// Where the machine's certificates are, as OpenSSL, Go and Python read it.
    pub(crate) fn certificates(&self) -> Certificates {
        let listed = self.variable(SSL_CERT_DIR).unwrap_or_default();
        let directories = env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect();
        Certificates { file: self.certificate_file(SSL_CERT_FILE), directories, ..Certificates::default() }
    }

    /// The proxies, by the variables that curl and Go read.
    ///
    /// # Errors
    /// `usage` when one is not UTF-8.
    pub(crate) fn proxies(&self) -> Result<Proxies> {
        let [exempt, in_lower_case] = NO_PROXY;
        Ok(Proxies {
            http: self.first_proxy([HTTP_PROXY, ALL_PROXY].as_flattened())?,
            https: self.first_proxy([HTTPS_PROXY, ALL_PROXY].as_flattened())?,
            exempt: self.text(exempt)?.or(self.text(in_lower_case)?).unwrap_or_default(),
        })
    }

    /// Whether nobody else says what that variable is: to a program that a web server calls, `HTTP_PROXY` is the header
    /// `Proxy` of whoever asks (httpoxy, CVE-2016-5385).
    pub(crate) fn is_set_by_us(&self, name: &str) -> bool {
        name != HTTP_PROXY[0] || self.variable(REQUEST_METHOD).is_none()
    }

    fn first_proxy(&self, names: &[&'static str]) -> Result<Option<ProxyVariable>> {
        for name in names.iter().filter(|name| self.is_set_by_us(name)) {
            if let Some(value) = self.text(name)? {
                return Ok(Some(ProxyVariable { name, value: Secret::new(value) }));
            }
        }
        Ok(None)
    }

    /// A program of ours: beside this one, where both were installed, else on the `PATH`.
    pub(crate) fn helper(&self, name: &str) -> Option<OsString> {
        let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.join(name)));
        let path = self.variable("PATH").unwrap_or_default();
        let found = beside.into_iter().chain(env::split_paths(&path).map(|place| place.join(name)));
        found.into_iter().find(|program| program.is_file()).map(PathBuf::into_os_string)
    }

    /// Where the SSH agent of this session listens.
    pub(crate) fn ssh_agent(&self) -> Option<PathBuf> {
        self.path(SSH_AUTH_SOCK)
    }

    /// The Python that loads plugins: `AISOC_PYTHON`, else `python3`, with the variables that find it.
    pub(crate) fn python(&self) -> Python {
        let program = self.variable(PYTHON).unwrap_or_else(|| DEFAULT_PYTHON.into());
        let variables = KEPT_VARIABLES.iter().filter_map(|name| Some(((*name).into(), self.named(name)?)));
        Python { program, variables: variables.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(read: fn(&str) -> Option<OsString>) -> Environment {
        Environment { arguments: vec!["aisoc".into(), "demo".into()], read }
    }

    /// Where logins are looked for, and whether somebody named it.
    fn files(environment: &Environment) -> Vec<(String, bool)> {
        let sources = environment.docker_configs().expect("sources").into_iter();
        let shown = sources.map(|source| match source {
            DockerConfig::File { path, is_named } => (path.display().to_string(), is_named),
            DockerConfig::Text { variable, .. } => (format!("${variable}"), true),
        });
        shown.collect()
    }

    fn of_this_user() -> String {
        format!("/run/containers/{}/auth.json", rustix::process::getuid().as_raw())
    }

    #[test]
    fn a_job_of_a_ci_system_is_named_by_its_number_and_what_it_belongs_to() {
        let named = |read| with(read).ci_run();
        assert_eq!(named(|_| None), None);
        assert_eq!(named(|_| Some(OsString::new())), None);
        assert_eq!(
            named(|name| match name {
                "GITHUB_RUN_ID" => Some("12".into()),
                "GITHUB_REPOSITORY" => Some("acme/keys".into()),
                "GITHUB_TOKEN" => Some("secret".into()),
                _ => None,
            }),
            Some("github acme/keys run 12".to_owned())
        );
        assert_eq!(named(|name| (name == "BUILD_NUMBER").then(|| "7".into())), Some("jenkins run 7".to_owned()));
        // A project alone is no job.
        assert_eq!(named(|name| (name == "CI_PROJECT_PATH").then(|| "acme/keys".into())), None);
    }

    #[test]
    fn what_is_empty_is_not_set_but_for_what_somebody_named() {
        let environment = with(|_| Some(OsString::new()));
        assert_eq!((environment.variable(PLUGINS_DIR), environment.path("HOME")), (None, None));
        assert_eq!(environment.text(REGISTRY_PASSWORD).expect("text"), None);
        assert_eq!(environment.source_date_epoch().expect("unset"), None);
        assert_eq!(environment.python().program, "python3");
        assert_eq!(environment.named("KEY"), Some(OsString::new()));
        assert_eq!(files(&environment), [(of_this_user(), false)]);
        assert!(!environment.is_development());
        assert_eq!(environment.words().collect::<Vec<_>>(), ["demo"]);
    }

    #[test]
    fn a_job_is_of_the_system_that_says_so() {
        let of = |read| with(read).ci_system();
        assert_eq!(of(|name| (name == "GITHUB_ACTIONS").then(|| "true".into())), Some(CiSystem::GitHub));
        assert_eq!(of(|name| (name == "GITLAB_CI").then(|| "true".into())), Some(CiSystem::GitLab));
        assert_eq!(of(|_| Some("false".into())), None);
        assert_eq!(of(|name| (name == "CI").then(|| "true".into())), None);
    }

    #[test]
    fn a_release_has_in_a_job_what_that_job_can_say() {
        let on = |read| ["sbom", "provenance", "new-key"].map(|option| with(read).turns_on(option));
        assert_eq!(on(|_| None), [false, false, false]);
        assert_eq!(on(|name| (name == "CI").then(|| "true".into())), [false, false, false]);
        assert_eq!(on(|name| (name == "BUILD_NUMBER").then(|| "7".into())), [true, false, false]);
        assert_eq!(on(|name| (name == "GITHUB_ACTIONS").then(|| "true".into())), [true, true, false]);
        assert_eq!(on(|name| (name == "GITLAB_CI").then(|| "true".into())), [true, true, false]);
    }

    #[test]
    fn a_build_that_asked_for_a_time_gets_that_one_or_none() {
        assert_eq!(with(|_| Some("8589934591".into())).source_date_epoch().expect("a time"), Some(8_589_934_591));
        for refused in [
            with(|_| Some("8589934592".into())),
            with(|_| Some("-1".into())),
            with(|_| Some("now".into())),
            with(|_| Some(" 1".into())),
        ] {
            assert_eq!(refused.source_date_epoch().expect_err("no time").reason(), Reason::Usage);
        }
    }

    #[test]
    fn credentials_are_looked_for_where_the_tools_leave_them() {
        let homes = with(|name| matches!(name, "HOME" | "XDG_RUNTIME_DIR").then(|| "/h".into()));
        let expected =
            ["/h/.docker/config.json", "/h/containers/auth.json", &of_this_user(), "/h/.config/containers/auth.json"];
        assert_eq!(files(&homes), expected.map(|path| (path.to_owned(), false)));
        let lasting = with(|name| (name == "XDG_CONFIG_HOME").then(|| "/c".into()));
        assert_eq!(files(&lasting)[1], ("/c/containers/auth.json".to_owned(), false));
        let named = with(|name| {
            let value = match name {
                "DOCKER_AUTH_CONFIG" => "{\"auths\":{\"hunter2\":{}}}",
                "DOCKER_CONFIG" => "/docker",
                "REGISTRY_AUTH_FILE" => "/auth.json",
                _ => "/h",
            };
            Some(value.into())
        });
        let expected = ["$DOCKER_AUTH_CONFIG", "/auth.json", "/docker/config.json"];
        assert_eq!(files(&named), expected.map(|path| (path.to_owned(), true)));
        assert!(!format!("{:?}", named.docker_configs().expect("sources")).contains("hunter2"));
    }

    #[test]
    fn proxies_are_read_in_either_case_and_never_from_the_header_of_a_request() {
        let names = |proxies: Proxies| [proxies.http, proxies.https].map(|found| found.map(|found| found.name));
        let of = |read| names(with(read).proxies().expect("proxies"));
        assert_eq!(of(|_| None), [None, None]);
        assert_eq!(of(|_| Some("proxy:3128".into())), [Some("http_proxy"), Some("HTTPS_PROXY")], "as CGI");
        assert_eq!(
            of(|name| (name != "REQUEST_METHOD").then(|| "proxy:3128".into())),
            [Some("HTTP_PROXY"), Some("HTTPS_PROXY")]
        );
        assert_eq!(
            of(|name| name.starts_with(char::is_lowercase).then(|| "proxy:3128".into())),
            [Some("http_proxy"), Some("https_proxy")]
        );
        assert_eq!(
            of(|name| (name == "all_proxy").then(|| "proxy:3128".into())),
            [Some("all_proxy"), Some("all_proxy")]
        );
        let exempt = with(|name| (name == "no_proxy").then(|| ".corp".into())).proxies().expect("proxies").exempt;
        assert_eq!(exempt, ".corp");
    }

    #[test]
    fn certificates_are_where_the_variables_say() {
        let found = with(|name| match name {
            "SSL_CERT_FILE" => Some("/file.pem".into()),
            "SSL_CERT_DIR" => Some("/a::/b".into()),
            _ => None,
        });
        let found = found.certificates();
        assert_eq!(found.file.expect("a file").path, PathBuf::from("/file.pem"));
        assert_eq!(found.directories, ["/a", "/b"].map(PathBuf::from));
        let unset = with(|_| Some(OsString::new())).certificates();
        assert!(unset.file.is_none() && unset.directories.is_empty());
    }

    #[test]
    fn development_is_a_word_of_the_host_and_python_sees_what_finds_it() {
        assert!(with(|name| (name == "ENVIRONMENT").then(|| "Development".into())).is_development());
        assert!(!with(|_| Some("production".into())).is_development());
        let python = with(|name| Some(name.into())).python();
        assert_eq!(python.program, "AISOC_PYTHON");
        assert_eq!(python.variables.len(), KEPT_VARIABLES.len());
    }
}
