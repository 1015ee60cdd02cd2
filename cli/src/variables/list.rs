//! The list of settings. It is one file, and long, because it is read as the list that it is.

use std::str::FromStr;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_pipeline::{ALLOW_UNPINNED, REGISTRY_ALLOWLIST, ReferenceRules};
use aisoc_trust::{OVERRIDE_PUBLISHERS, TRUSTED_PUBLISHERS, UNSIGNED_ACK, UNSIGNED_ACK_TEXT};

use super::setting::{
    About, COVERAGE_RULES, DEFAULT_HOST_URL, DEFAULT_PLUGINS_DIR, DEFAULT_TRUSTED_KEYS_DIR, Form, OneOf, PLUGIN_MODES,
    POLICY_USES, SANDBOXES, Setting, TRUST_MODES, Unset,
};
use crate::environment;

static UNPINNED: OneOf<Unpinned> = OneOf {
    strictest: Unpinned(false),
    words: "1, true, yes or on",
    word: |unpinned| if unpinned.0 { "1" } else { "0" },
};

/// Whether a reference needs no digest, as [`ReferenceRules`] read it: every word but those that mean yes is a no.
#[derive(Clone, Copy)]
struct Unpinned(bool);

impl Default for Unpinned {
    fn default() -> Self {
        Self(!ReferenceRules::default().are_pinned())
    }
}

impl FromStr for Unpinned {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        ReferenceRules::read(None, Some(text)).map(|rules| Self(!rules.are_pinned()))
    }
}

const PLAIN: Setting = Setting {
    name: "",
    also: &[],
    about: About::Trust,
    form: Form::Text,
    default: Unset::Means("nothing"),
    purpose: "",
};

/// All of them, as the manual lists them.
pub(crate) static SETTINGS: &[Setting] = &[
    Setting {
        name: environment::PLUGINS_DIR,
        default: Unset::Is(DEFAULT_PLUGINS_DIR),
        purpose: "where plugins are installed",
        ..PLAIN
    },
    Setting {
        name: environment::TRUST_MODE,
        form: Form::Word(&TRUST_MODES),
        default: Unset::Is("strict"),
        purpose: "what is done about what is not verified",
        ..PLAIN
    },
    Setting {
        name: environment::TRUSTED_KEYS_DIR,
        default: Unset::Is(DEFAULT_TRUSTED_KEYS_DIR),
        purpose: "trusted public keys, a directory or one file",
        ..PLAIN
    },
    Setting {
        name: environment::TRUST_POLICY,
        purpose: "the file of trust rules: what has to be shown of which plugin",
        ..PLAIN
    },
    Setting {
        name: environment::SIGSTORE_ROOT,
        purpose: "the trusted root by which proofs of sigstore are judged",
        ..PLAIN
    },
    Setting {
        name: environment::TIMESTAMP_ROOT,
        purpose: "the timestamp authorities whose word counts for when a key has signed",
        ..PLAIN
    },
    Setting {
        name: environment::TRUST_COVERAGE,
        form: Form::Word(&COVERAGE_RULES),
        default: Unset::Is("inert"),
        purpose: "what a signature must cover",
        ..PLAIN
    },
    Setting {
        name: TRUSTED_PUBLISHERS,
        also: &[environment::STIGMEM_TRUSTED_PUBLISHERS],
        form: Form::Checked(|environment| environment.publishers().map(drop)),
        default: Unset::Means("every trusted key"),
        purpose: "the keys whose plugins are taken",
        ..PLAIN
    },
    Setting {
        name: OVERRIDE_PUBLISHERS,
        also: &[environment::STIGMEM_OVERRIDE_PUBLISHERS],
        form: Form::Checked(|environment| environment.publishers().map(drop)),
        default: Unset::Means("none"),
        purpose: "the keys whose plugins are taken as an exception",
        ..PLAIN
    },
    Setting {
        name: UNSIGNED_ACK,
        also: &[environment::STIGMEM_UNSIGNED_ACK],
        form: Form::Exactly(UNSIGNED_ACK_TEXT),
        purpose: "what the trust mode `disabled` asks for before it installs",
        ..PLAIN
    },
    Setting {
        name: environment::DENY_CAPABILITIES,
        form: Form::Checked(|environment| {
            let list = environment.text(environment::DENY_CAPABILITIES)?;
            list.map_or(Ok(()), |list| Capability::read_list(&list).map(drop))
        }),
        default: Unset::Means("none"),
        purpose: "what no plugin may ask for",
        ..PLAIN
    },
    Setting {
        name: environment::PLUGIN_MODE,
        also: &[environment::CAPA_PLUGIN_MODE],
        form: Form::Word(&PLUGIN_MODES),
        default: Unset::Is("dev"),
        purpose: "whether a host loads what the lock does not accept",
        ..PLAIN
    },
    Setting {
        name: environment::CONFIG_DIR,
        default: Unset::Means("`~/.aisoc`"),
        purpose: "where `policy.yml`, `registries.toml` and `strict-mode` are; a directory that is named has to be there",
        ..PLAIN
    },
    Setting {
        name: environment::POLICY,
        form: Form::Word(&POLICY_USES),
        default: Unset::Is("best-effort"),
        purpose: "whether commands run where there is no policy, or one that cannot be used",
        ..PLAIN
    },
    Setting {
        name: environment::XDG_CONFIG_HOME,
        default: Unset::Means("`~/.config`"),
        purpose: "where the user's `aisoc/plugins.lock` is, which counts where there is none in the working directory",
        ..PLAIN
    },
    Setting {
        name: environment::XDG_STATE_HOME,
        default: Unset::Means("`~/.local/state`"),
        purpose: "where `aisoc` keeps, for this user alone, which upload an interrupted push goes on with",
        ..PLAIN
    },
    Setting {
        name: environment::SITE_PACKAGES,
        about: About::Sources,
        default: Unset::Means("those of the active virtual environment"),
        purpose: "where Python finds distributions: directories, with `:` between",
        ..PLAIN
    },
    Setting {
        name: environment::VIRTUAL_ENV,
        about: About::Sources,
        default: Unset::Means("none is active"),
        purpose: "the virtual environment that is active, as Python's `activate` says it",
        ..PLAIN
    },
    Setting {
        name: environment::DATA_DIRS[0],
        also: &[environment::DATA_DIRS[1]],
        about: About::Sources,
        default: Unset::Means("no drop-ins"),
        purpose: "the data directory, in whose `plugins` drop-ins are",
        ..PLAIN
    },
    Setting {
        name: environment::USER_PLUGINS[0],
        also: &[environment::USER_PLUGINS[1]],
        about: About::Sources,
        form: Form::DropinSwitch,
        default: Unset::Is("1"),
        purpose: "whether drop-ins count: not where either name is exactly `0`",
    },
    Setting {
        name: environment::PYTHON,
        about: About::Host,
        default: Unset::Is(environment::DEFAULT_PYTHON),
        purpose: "the Python that runs plugins",
        ..PLAIN
    },
    Setting {
        name: environment::SANDBOX,
        about: About::Host,
        form: Form::Word(&SANDBOXES),
        default: Unset::Is("best-effort"),
        purpose: "what a system has to give to confine plugins",
        ..PLAIN
    },
    Setting {
        name: environment::IDENTITY,
        about: About::Host,
        form: Form::Checked(|environment| environment.identity().map(drop)),
        default: Unset::Means("`user` at a terminal and for who asks a host without a token, else `bot`"),
        purpose: "who calls plugins, for policies: `user` or `bot`",
        ..PLAIN
    },
    Setting {
        name: environment::ENVIRONMENT,
        about: About::Host,
        default: Unset::Means("as production"),
        purpose: "what kind of installation this is: `development`, `dev`, `local`, `demo` and `test` are for development",
        ..PLAIN
    },
    Setting {
        name: environment::LOG_FILE,
        about: About::Host,
        default: Unset::Means("no file"),
        purpose: "the file that events go into, as JSON lines",
        ..PLAIN
    },
    Setting {
        name: environment::HOST_URL,
        about: About::Host,
        form: Form::Address,
        default: Unset::Is(DEFAULT_HOST_URL),
        purpose: "where the host is that `aisoc api` asks",
        ..PLAIN
    },
    Setting {
        name: environment::HOST_TOKEN,
        about: About::Host,
        form: Form::Secret,
        default: Unset::Means("none is shown"),
        purpose: "the token that is shown to it",
        ..PLAIN
    },
    Setting {
        name: REGISTRY_ALLOWLIST,
        about: About::Registries,
        form: Form::Checked(|environment| environment.reference_rules().map(drop)),
        default: Unset::Means("every registry"),
        purpose: "the registries that plugins are installed from",
        ..PLAIN
    },
    Setting {
        name: ALLOW_UNPINNED,
        about: About::Registries,
        form: Form::Word(&UNPINNED),
        default: Unset::Is("1"),
        purpose: "whether a reference needs no digest",
        ..PLAIN
    },
    Setting {
        name: environment::REGISTRY_HOST,
        about: About::Registries,
        purpose: "the registry that the next two are for",
        ..PLAIN
    },
    Setting {
        name: environment::REGISTRY_USERNAME,
        about: About::Registries,
        form: Form::Secret,
        purpose: "a user of that registry",
        ..PLAIN
    },
    Setting {
        name: environment::REGISTRY_PASSWORD,
        about: About::Registries,
        form: Form::Secret,
        purpose: "that user's password or token",
        ..PLAIN
    },
    Setting {
        name: environment::DOCKER_AUTH_CONFIG,
        about: About::Registries,
        form: Form::Secret,
        purpose: "logins, as the text of Docker's `config.json`",
        ..PLAIN
    },
    Setting {
        name: environment::REGISTRY_AUTH_FILE,
        about: About::Registries,
        default: Unset::Means("the files of podman"),
        purpose: "a file of logins, which stands in the place of those of podman",
        ..PLAIN
    },
    Setting {
        name: environment::DOCKER_CONFIG,
        about: About::Registries,
        default: Unset::Means("`~/.docker`"),
        purpose: "the directory of Docker's `config.json`",
        ..PLAIN
    },
    Setting {
        name: environment::TIMEOUT,
        about: About::Registries,
        form: Form::Checked(|environment| environment.timeout().map(drop)),
        default: Unset::Means("an hour for each reference"),
        purpose: "the longest time for all that a command asks of registries, for example `10m`",
        ..PLAIN
    },
    Setting {
        name: environment::CA_FILE,
        about: About::Registries,
        purpose: "certificates that are trusted beside the machine's own, of registries and of hosts",
        ..PLAIN
    },
    Setting {
        name: environment::SSL_CERT_FILE,
        about: About::Registries,
        default: Unset::Means("where the system has them"),
        purpose: "the machine's own certificates: a file",
        ..PLAIN
    },
    Setting {
        name: environment::SSL_CERT_DIR,
        about: About::Registries,
        default: Unset::Means("where the system has them"),
        purpose: "the machine's own certificates: directories, with `:` between",
        ..PLAIN
    },
    Setting {
        name: environment::HTTPS_PROXY[0],
        also: &[environment::HTTPS_PROXY[1], environment::ALL_PROXY[0], environment::ALL_PROXY[1]],
        about: About::Registries,
        form: Form::Address,
        default: Unset::Means("none"),
        purpose: "the proxy for `https:`",
    },
    Setting {
        name: environment::HTTP_PROXY[0],
        also: &[environment::HTTP_PROXY[1], environment::ALL_PROXY[0], environment::ALL_PROXY[1]],
        about: About::Registries,
        form: Form::Address,
        default: Unset::Means("none"),
        purpose: "the proxy for `http:`; in a CGI program, which has `REQUEST_METHOD`, the name in lower case alone",
    },
    Setting {
        name: environment::NO_PROXY[0],
        also: &[environment::NO_PROXY[1]],
        about: About::Registries,
        default: Unset::Means("none"),
        purpose: "the hosts that are reached without a proxy",
        ..PLAIN
    },
    Setting {
        name: environment::SOURCE_DATE_EPOCH,
        about: About::Builds,
        form: Form::Checked(|environment| environment.source_date_epoch().map(drop)),
        default: Unset::Means("no time"),
        purpose: "the time that a reproducible build writes, in seconds since 1970",
        ..PLAIN
    },
    Setting {
        name: environment::SSH_AUTH_SOCK,
        about: About::Builds,
        default: Unset::Means("no agent"),
        purpose: "where the SSH agent listens that keys `ssh-agent:` are with",
        ..PLAIN
    },
    Setting {
        name: environment::SIGSTORE_ID_TOKEN,
        about: About::Builds,
        form: Form::Secret,
        default: Unset::Means("what GitHub Actions gives the job"),
        purpose: "the identity token by which `plugin attest --keyless` signs, with the audience `sigstore`, as GitLab gives it to a job",
        ..PLAIN
    },
    Setting {
        name: environment::ACTIONS_ID_TOKEN_REQUEST_URL,
        about: About::Builds,
        form: Form::Address,
        default: Unset::Means("the job may not ask"),
        purpose: "where a step of GitHub Actions asks for such a token",
        ..PLAIN
    },
    Setting {
        name: environment::ACTIONS_ID_TOKEN_REQUEST_TOKEN,
        about: About::Builds,
        form: Form::Secret,
        default: Unset::Means("the job may not ask"),
        purpose: "by what it may",
        ..PLAIN
    },
    Setting {
        name: environment::NO_COLOR,
        about: About::Builds,
        default: Unset::Means("as the terminal can"),
        purpose: "set to anything: plain text, no colours and no bars",
        ..PLAIN
    },
    Setting {
        name: environment::GITHUB_ACTIONS,
        about: About::Builds,
        default: Unset::Means("no step of GitHub Actions"),
        purpose: "`true` in a step of GitHub Actions, whose log holds workflow commands",
        ..PLAIN
    },
    Setting {
        name: environment::GITHUB_OUTPUT,
        about: About::Builds,
        default: Unset::Means("no file"),
        purpose: "where a step leaves values for the next",
        ..PLAIN
    },
    Setting {
        name: environment::GITHUB_STEP_SUMMARY,
        about: About::Builds,
        default: Unset::Means("no file"),
        purpose: "where a step leaves its summary",
        ..PLAIN
    },
    Setting {
        name: environment::GITHUB_WORKSPACE,
        about: About::Builds,
        purpose: "where a step finds the repository",
        ..PLAIN
    },
];

/// Variables that are read as well, and that nobody sets for aisoc: by what they are.
pub(crate) static OF_OTHERS: &[(&[&str], &str)] = &[
    (
        &["HOME", "PATH", "TERM", "XDG_RUNTIME_DIR"],
        "the user's session: files of logins, programs that keys come from, what a terminal can",
    ),
    (&["PATH", "HOME", "PYENV_VERSION", "SYSTEMROOT"], "all that the Python of a plugin gets, which finds it by them"),
    (
        &["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_FDS_FIRST_FD"],
        "sockets that a service manager hands to a host",
    ),
    (&["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"], "where a host tells a service manager how it does"),
    (&["REQUEST_METHOD"], "that this is a CGI program, for which `HTTP_PROXY` is a header of whoever asks"),
    (
        &[
            "GITHUB_RUN_ID",
            "GITHUB_REPOSITORY",
            "CI_JOB_ID",
            "CI_PROJECT_PATH",
            "BUILD_BUILDID",
            "BUILD_REPOSITORY_NAME",
            "BUILDKITE_BUILD_NUMBER",
            "BUILDKITE_PIPELINE_SLUG",
            "CIRCLE_BUILD_NUM",
            "CIRCLE_PROJECT_REPONAME",
            "DRONE_BUILD_NUMBER",
            "DRONE_REPO",
            "BUILD_NUMBER",
            "JOB_NAME",
        ],
        "the job of a CI system, which lines of journals name, and in which a release has its SBOM",
    ),
    (
        &[
            "GITHUB_SERVER_URL",
            "GITHUB_REPOSITORY",
            "GITHUB_REPOSITORY_ID",
            "GITHUB_REPOSITORY_OWNER_ID",
            "GITHUB_REF",
            "GITHUB_SHA",
            "GITHUB_WORKFLOW_REF",
            "GITHUB_RUN_ID",
            "GITHUB_RUN_ATTEMPT",
            "GITHUB_EVENT_NAME",
            "RUNNER_ENVIRONMENT",
        ],
        "a job of GitHub Actions, from which `aisoc plugin provenance` and that of a release are made",
    ),
    (
        &[
            "GITLAB_CI",
            "CI_PROJECT_URL",
            "CI_COMMIT_SHA",
            "CI_COMMIT_REF_NAME",
            "CI_COMMIT_TAG",
            "CI_CONFIG_PATH",
            "CI_JOB_NAME",
            "CI_JOB_URL",
            "CI_PIPELINE_ID",
            "CI_PIPELINE_SOURCE",
            "CI_RUNNER_ID",
        ],
        "the same of a job of GitLab CI",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aisoc_pipeline::CiSystem;

    use super::*;

    #[test]
    fn every_variable_that_provenance_is_made_of_is_on_the_page() {
        let listed: BTreeSet<&str> = OF_OTHERS.iter().flat_map(|(names, _)| *names).copied().collect();
        for system in [CiSystem::GitHub, CiSystem::GitLab] {
            assert!(system.variables().iter().all(|name| listed.contains(name)), "{system:?}");
        }
    }

    #[test]
    fn a_setting_stands_there_once_and_its_default_is_that_of_what_reads_it() {
        let names: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for setting in SETTINGS {
            if let Form::Word(word) = setting.form {
                assert_eq!(setting.default, Unset::Is(word.default()), "{}", setting.name);
                assert!(word.meant(word.strictest()) == Some(word.strictest()), "{}", setting.name);
            }
            assert!(!setting.purpose.is_empty() && !setting.purpose.ends_with('.'), "{}", setting.name);
        }
    }
}
