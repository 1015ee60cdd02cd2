//! Every command, in the order in which help lists them. The parser, the manual's page of commands and the
//! dispatch are made of this table. It is one file, and long, because it is read as the list that it is: a row stands
//! where help shows it, and holds words alone.

use aisoc_pipeline::documents::{self, document_schema};
use aisoc_platform::Identity;

use super::command::{Command, Declared};
use super::declaration::{Declaration, Domain, Group, PLAIN, Risk};
use super::{
    accepted, api, attest, bundle, capabilities, clock, command_list, completions, config, copy, demo, digest, docs,
    doctor, explain, fleet, gc, help, hooks, index, inspect, install, journal, key_change, keygen, keys, keyset, list,
    man, new, outdated, package_platforms, provenance, pull, push, reasons, registry, release, resign, review,
    rollback, sbom, schema, search, serve, settings, sign, succession, token, trust_policy, uninstall, upgrade, usage,
    validate, verify, verify_at_rest, version,
};
use crate::args::journal::{KeysJournalArgs, PluginsJournalArgs};

/// Words that commands stand below, and what these have in common.
pub(super) const GROUPS: [Group; 15] = [
    (&["plugin"], "One plugin on the bench: make, check, sign, ship, install"),
    (&["plugins"], "All installed plugins"),
    (&["plugins", "journal"], "What was done to what this site trusts, when, by whom and why"),
    (&["keys"], "The keys that this site trusts"),
    (&["keys", "journal"], "What was done to trusted keys, when, by whom and why"),
    (&["trust"], "What this site trusts, beside its keys"),
    (&["trust", "policy"], "Trust rules: what has to be shown of which plugin before it is let in"),
    (&["api"], "Ask a host that runs, as its operator"),
    (&["config"], "What aisoc is set up with on this machine"),
    (&["config", "policy"], "The policy over commands: what it allows, what it denies, and why"),
    (&["config", "plugins"], "The plugins that are compiled into this command"),
    (&["bundle"], "Verified plugins in one file, for places without a network"),
    (&["token"], "The tokens by which operators and their programs ask a host"),
    (&["registry"], "Registries: logins at them, what they hold, and one to serve from a directory"),
    (&["registry", "auth"], "Which login a registry is sent, and why that one"),
];

/// What lets others in, or takes back that they were shut out: people answer for it. Where a policy speaks of
/// identities, programs do what people have set up for them.
const BY_PEOPLE: &[Identity] = &[Identity::User];

/// The commands.
pub(crate) static TABLE: &[&dyn Declared] = &[
    &Command {
        run: new::run,
        is: Declaration {
            words: &["plugin", "new"],
            alias: Some("scaffold"),
            about: "Make a plugin's directory that validates, signs, packages and loads as it is",
            examples: "Examples:
  aisoc plugin new shodan --type enricher
  aisoc plugin new my-widget --type widget -o plugins --author \\
    'Ada <ada@example.com>'",
            risk: Risk::Write,
            domain: Domain::Author,
            document: Some(document_schema::<documents::NewPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: validate::run,
        is: Declaration {
            words: &["plugin", "validate"],
            about: "Check a manifest: all problems at once, each with file, line and column",
            examples: "Examples:
  aisoc plugin validate
  aisoc plugin validate my-plugin --profile manager
  # also load plugin.py in Python, as a host does
  aisoc plugin validate my-plugin --load",
            risk: Risk::Read,
            raised_by: &["load"],
            domain: Domain::Author,
            document: Some(document_schema::<documents::ValidManifest>),
            ..PLAIN
        },
    },
    &Command {
        run: keygen::run,
        is: Declaration {
            words: &["plugin", "keygen"],
            also: &["keygen"],
            about: "Make a signing key pair",
            examples: "Examples:
  # writes release.key (private, mode 0600) and release.pem (public), beside
  # the plugin's directory that this is typed in and not into it
  aisoc plugin keygen --out ../release

Give release.pem to operators, who put it into their trusted keys directory.
Keep release.key secret.",
            risk: Risk::Write,
            raised_by: &["force"],
            domain: Domain::Author,
            document: Some(document_schema::<documents::KeyPair>),
            ..PLAIN
        },
    },
    &Command {
        run: digest::run,
        is: Declaration {
            words: &["plugin", "digest"],
            about: "Print the digest that a signature of the plugin covers",
            examples: "Examples:
  aisoc plugin digest my-plugin
  aisoc plugin digest my-plugin --canonical   # the canonical JSON itself",
            risk: Risk::Read,
            domain: Domain::Author,
            document: Some(document_schema::<documents::CanonicalDigest>),
            ..PLAIN
        },
    },
    &Command {
        run: sign::run,
        is: Declaration {
            words: &["plugin", "sign"],
            about: "Sign a plugin's directory: writes plugin.sig and plugin.sig.d, and the key `integrity` into the manifest; or a drop-in: writes FILE.sig; or, for cosign, a published version",
            examples: "Examples:
  aisoc plugin sign --plugin-dir my-plugin --private-key release.key
  # the PEM text, from CI's secrets
  aisoc plugin sign --plugin-dir my-plugin --private-key env:RELEASE_KEY
  aisoc plugin sign --plugin-dir my-plugin --private-key - < release.key
  # a second signer, for a rotation
  aisoc plugin sign --plugin-dir my-plugin --private-key new.key --add
  # a drop-in, by a key whose note says `may_sign: dropin`
  aisoc plugin sign tools/weather_plugin.py --private-key release.key
  # a published version, so that cosign finds it signed
  aisoc plugin sign registry.example/team/my-plugin:1.2.0 --cosign \\
    --private-key release.key

A signature for cosign is over the digest that REF names at that moment, and stands
beside the artifact twice: as a bundle that refers to it, which cosign 3 reads, and
under the tag sha256-DIGEST.sig, as older ones do (`aisoc help trust`).

`--timestamp URL` asks an authority when this was signed. In two steps, and offline:
sign, have the authority answer `openssl ts -query -sha256 -cert -data RAW`, where
RAW is what `xxd -r -p my-plugin/plugin.sig` prints, and sign again with
`--timestamp ANSWER`: the signature is the same.",
            risk: Risk::Write,
            raised_by: &["allow-ambiguous", "allow-secret"],
            does_with: &[("cosign", &["plugin", "push"])],
            domain: Domain::Author,
            document: Some(document_schema::<documents::SigningResult>),
            ..PLAIN
        },
    },
    &Command {
        run: verify::run,
        is: Declaration {
            words: &["plugin", "verify"],
            about: "Verify a directory, an artifact or an archive against trusted keys",
            examples: "Examples:
  aisoc plugin verify my-plugin --keys keys
  aisoc plugin verify my-plugin --keys keys --explain
  aisoc plugin verify registry.example/team/my-plugin:1.2.0 --keys keys
  aisoc plugin verify my-plugin.tar --keys keys",
            risk: Risk::Read,
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::SourceVerdict>),
            ..PLAIN
        },
    },
    &Command {
        run: inspect::run,
        is: Declaration {
            words: &["plugin", "inspect"],
            about: "Show what a directory, an artifact or an archive says about itself, unverified",
            examples: "Examples:
  aisoc plugin inspect registry.example/team/my-plugin:1.2.0
  aisoc plugin inspect my-plugin.tar --json",
            risk: Risk::Read,
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::InspectedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: index::run,
        is: Declaration {
            words: &["plugin", "index"],
            about: "Print the publishing index of plugins: what each says of itself, who has signed it, and how it is installed",
            examples: "Examples:
  aisoc plugin index my-plugin --trusted-keys keys
  # what a page of plugins is made of
  aisoc plugin index registry.example/team/shodan:0.1.0 \\
    registry.example/team/virustotal:0.1.0 > index.json

Every plugin is verified as strictly as a host does, and the first that is
refused refuses the index: nothing unverified stands in it. An index is no
signature, and nobody installs by it without verifying.",
            risk: Risk::Read,
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::PublishingIndex>),
            ..PLAIN
        },
    },
    &Command {
        run: sbom::run,
        is: Declaration {
            words: &["plugin", "sbom"],
            about: "Print what is shipped of a plugin, and what it needs, as a CycloneDX document",
            examples: "Examples:
  aisoc plugin sbom my-plugin > my-plugin.cdx.json
  # with the time of the release in it
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) aisoc plugin sbom my-plugin

The files are those that `package` ships; what the plugin needs is what lists of
requirements, pyproject.toml and lock files name, and wheels that it brings. A
list that cannot be read is named in the document and in a warning.",
            risk: Risk::Read,
            domain: Domain::Author,
            document: Some(document_schema::<documents::PluginSbom>),
            ..PLAIN
        },
    },
    &Command {
        run: provenance::run,
        is: Declaration {
            words: &["plugin", "provenance"],
            about: "Print where a plugin is from, as SLSA provenance: what the CI system says of its job",
            examples: "Examples:
  # in a job of GitHub Actions or GitLab CI
  aisoc plugin provenance my-plugin > my-plugin.slsa.json
  # elsewhere
  aisoc plugin provenance my-plugin --source https://github.com/acme/plugins \\
    --commit 0123456789abcdef0123456789abcdef01234567

It is a claim of whoever makes it, and worth what the key is worth that signs it.",
            risk: Risk::Read,
            domain: Domain::Author,
            document: Some(document_schema::<documents::PluginProvenance>),
            ..PLAIN
        },
    },
    &Command {
        run: package_platforms::run,
        is: Declaration {
            words: &["plugin", "package"],
            about: "Pack a plugin's directory as an OCI artifact: the same input gives the same digest",
            examples: "Examples:
  aisoc plugin package --plugin-dir my-plugin --out my-plugin.tar   # one file
  # an OCI layout directory
  aisoc plugin package --plugin-dir my-plugin --out layout
  aisoc plugin package --plugin-dir my-plugin --out my-plugin.tar --check
  # one index for two platforms, of what each was built for
  aisoc plugin package --platform linux/amd64=build/amd64 \\
    --platform linux/arm64=build/arm64 --out platforms.tar

Refuses what is unsigned, and what was changed after it was signed.",
            risk: Risk::Write,
            raised_by: &["allow-secret", "unsigned"],
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::PackedArtifact>),
            ..PLAIN
        },
    },
    &Command {
        run: push::run,
        is: Declaration {
            words: &["plugin", "push"],
            about: "Push a packaged plugin to a registry; prints the digest reference",
            examples: "Examples:
  aisoc plugin push my-plugin.tar registry.example/team/my-plugin:1.2.0
  # packs the directory first
  aisoc plugin push my-plugin localhost:5000/my-plugin:1.2.0

Refuses what is unsigned, and what was changed after it was signed, before
anything is sent; of an index of platforms each artifact. What is copied from one registry to another is public
already, and is verified when --trusted-keys names keys.",
            risk: Risk::Write,
            raised_by: &["replace-tag", "allow-secret", "unsigned"],
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::PushedArtifact>),
            ..PLAIN
        },
    },
    &Command {
        run: pull::run,
        is: Declaration {
            words: &["plugin", "pull"],
            about: "Fetch an artifact and unpack it, without installing or verifying it",
            examples: "Examples:
  aisoc plugin pull registry.example/team/my-plugin:1.2.0 --out look-at-it",
            risk: Risk::Write,
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::PulledArtifact>),
            ..PLAIN
        },
    },
    &Command {
        run: install::run,
        is: Declaration {
            words: &["plugin", "install"],
            about: "Fetch, verify against the trusted keys, and swap into the plugins directory",
            examples: "Examples:
  aisoc plugin install registry.example/team/my-plugin:1.2.0
  aisoc plugin install oci-archive:my-plugin.tar --trusted-keys keys \\
    --plugins-dir plugins
  aisoc plugin install registry.example/team/my-plugin:1.2.0 \\
    --require-digest \"$DIGEST\"
  # everything that plugins.lock accepts, and nothing else
  aisoc plugin install --locked --plugins-lock fleet.lock
  # what it would do
  aisoc plugin install registry.example/team/my-plugin:1.2.0 --dry-run",
            risk: Risk::Write,
            raised_by: &["plugin-mode", 
                "allow-downgrade",
                "allow-signer-change",
                "lower-coverage",
                "trust-mode",
                "trust-coverage",
                "accept-shared-directory",
            ],
            does_with: &[("lock", &["plugins", "trust"])],
            domain: Domain::Installation,
            document: Some(document_schema::<documents::InstalledPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: list::run,
        is: Declaration {
            words: &["plugin", "list"],
            about: "List what is installed, verified against today's keys",
            examples: "Examples:
  aisoc plugin list
  aisoc plugin list --json",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::PluginList>),
            ..PLAIN
        },
    },
    &Command {
        run: outdated::run,
        is: Declaration {
            words: &["plugin", "outdated"],
            about: "Say of which plugins newer versions are published, and which of those an install would let in",
            examples: "Examples:
  aisoc plugin outdated
  aisoc plugin outdated my-plugin --pre --json
  aisoc plugin outdated --exit-code   # 1 where something newer is published

Tags that are versions (MAJOR.MINOR.PATCH) are looked for where each plugin came
from. Newer ones are judged as `aisoc plugin install --dry-run` would, until one
would be let in; nothing is changed. See `aisoc help install`, \"Newer versions\".",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::OutdatedPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: upgrade::run,
        is: Declaration {
            words: &["plugin", "upgrade"],
            about: "Install the newest version of plugins that an install would let in: shows the difference, then asks",
            examples: "Examples:
  aisoc plugin upgrade --all --dry-run   # what it would do
  aisoc plugin upgrade my-plugin
  aisoc plugin upgrade --all --yes

What is installed is the artifact that was shown, by its digest. Every guard of
`aisoc plugin install` holds; no older version is ever installed.",
            risk: Risk::HighRiskWrite,
            does: &[&["plugin", "install"]],
            does_with: &[("lock", &["plugins", "trust"])],
            domain: Domain::Installation,
            document: Some(document_schema::<documents::UpgradedPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: rollback::run,
        is: Declaration {
            words: &["plugin", "rollback"],
            about: "Go back to a kept version: read whole, verified with today's keys, exchanged in one step",
            examples: "Examples:
  # the version that was replaced last; twice is where one was
  aisoc plugin rollback my-plugin
  aisoc plugin rollback my-plugin --to 1.1.0
  aisoc plugin list --versions   # what can be gone back to",
            risk: Risk::Write,
            raised_by: &["plugin-mode", "lower-coverage", "trust-mode", "trust-coverage", "accept-shared-directory"],
            does_with: &[("lock", &["plugins", "trust"])],
            domain: Domain::Installation,
            document: Some(document_schema::<documents::RolledBackPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: uninstall::run,
        is: Declaration {
            words: &["plugin", "uninstall"],
            about: "Remove an installed plugin and its kept versions",
            examples: "Examples:
  aisoc plugin uninstall my-plugin --dry-run   # what it would remove
  aisoc plugin uninstall my-plugin --yes",
            risk: Risk::HighRiskWrite,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::UninstalledPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: gc::run,
        is: Declaration {
            words: &["plugin", "gc"],
            about: "Remove kept versions beyond a number, and what killed commands left behind",
            examples: "Examples:
  aisoc plugin gc   # keeps one version of each plugin
  aisoc plugin gc --keep 0 --dry-run   # keeps none: what would be removed
  aisoc plugin gc --keep 0",
            risk: Risk::HighRiskWrite,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::CollectedGarbage>),
            ..PLAIN
        },
    },
    &Command {
        run: release::run,
        is: Declaration {
            words: &["plugin", "release"],
            alias: Some("publish"),
            about: "Validate, sign, package and push in one step, for CI",
            examples: "Examples:
  aisoc plugin release --plugin-dir my-plugin --private-key \\
    env:RELEASE_KEY registry.example/team/my-plugin:1.2.0

Reads every file once, signs a private copy and publishes that: the directory
stays as it is. Prints HOST/REPOSITORY@DIGEST. In a job of CI its SBOM, and in
GitHub Actions and GitLab CI its provenance, are signed with the first key and
pushed beside it (`aisoc help attestations`). In GitHub Actions it also writes
`reference`, `digest`, `id`, `version`, `tag`, `signer`, `signers` and
`coverage` to GITHUB_OUTPUT and a table to GITHUB_STEP_SUMMARY.",
            risk: Risk::Write,
            raised_by: &["replace-tag", "allow-ambiguous", "allow-secret", "load"],
            does: &[&["plugin", "validate"], &["plugin", "sign"], &["plugin", "package"], &["plugin", "push"]],
            does_with: &[
                ("new-key", &["plugin", "keygen"]),
                ("sbom", &["plugin", "sbom"]),
                ("sbom", &["plugin", "attest"]),
                ("provenance", &["plugin", "provenance"]),
                ("provenance", &["plugin", "attest"]),
            ],
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::ReleasedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: resign::run,
        is: Declaration {
            words: &["plugin", "resign"],
            about: "Sign published versions with another key, without the old one, and push them",
            examples: "Examples:
  # in a rotation: the new key beside the old one, under the same tag
  aisoc plugin resign registry.example/team/my-plugin:1.2.0 --add \\
    --private-key env:NEW_KEY --trusted-keys release.pem --replace-tag
  # the new key alone, under a tag of its own
  aisoc plugin resign registry.example/team/my-plugin:1.2.0 \\
    --private-key new.key --trusted-keys release.pem --tag 1.2.0-new
  # several, each under its own tag
  aisoc plugin resign registry.example/team/my-plugin:1.1.0 \\
    registry.example/team/my-plugin:1.2.0 --private-key new.key \\
    --trusted-keys release.pem --tag-suffix -resigned

No file of the author changes: what the signatures are over is compared before
anything is sent. What is signed already is left alone. The digest is another
one, so attestations and other artifacts that refer to the old one stay with
it, and so does whoever has pinned it. Prints HOST/REPOSITORY@DIGEST of each.",
            risk: Risk::Write,
            raised_by: &["replace-tag"],
            does: &[&["plugin", "sign"], &["plugin", "push"]],
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::ResignedArtifacts>),
            ..PLAIN
        },
    },
    &Command {
        run: attest::run,
        is: Declaration {
            words: &["plugin", "attest"],
            about: "Sign what is said of a published version, and put it beside it",
            examples: "Examples:
  # what is in it, as another tool has written it down
  aisoc plugin attest registry.example/team/my-plugin:1.2.0 --type sbom \\
    --predicate my-plugin.cdx.json --private-key release.key
  # how it was made; in CI, of the digest that `release` has printed
  aisoc plugin attest registry.example/team/my-plugin@$DIGEST \\
    --type slsa --predicate provenance.json --private-key env:RELEASE_KEY

Whoever signs vouches for the artifact that REF names at that moment: a tag may
be moved by others, a digest may not. The artifact stays as it is, and so does
its digest. The same document under the same key is the same attestation, so a
second run changes nothing. `copy --recursive` and `bundle export` take it
along. Builds with the feature `keyless` sign without a key of your own as well:
`aisoc help attestations`. Prints HOST/REPOSITORY@DIGEST of the attestation.",
            risk: Risk::Write,
            does: &[&["plugin", "sign"], &["plugin", "push"]],
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::AttestedArtifact>),
            ..PLAIN
        },
    },
    &Command {
        run: accepted::list::run,
        is: Declaration {
            words: &["plugins", "list"],
            about: "List discovered procedure plugins",
            examples: "Examples:
  aisoc plugins list
  aisoc plugins list --plugins-lock /etc/aisoc/plugins.lock
  # what a host in production would refuse
  aisoc plugins list --plugin-mode production --json

Plugins of every other source are listed beside procedures. Exit code 0 whatever
is listed. Which of them nobody who is trusted has signed is said on stderr.

What an entry point calls itself, and whether it is a plugin at all, is found out in a child process that runs it for a moment,
once everything else lets it pass.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::DiscoveredPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: accepted::trust::run,
        is: Declaration {
            words: &["plugins", "trust"],
            about: "Add (or refresh) a discovered plugin in ``plugins.lock``",
            examples: "Examples:
  aisoc plugins trust shodan --reason 'read by GB, ticket OPS-1284'
  aisoc plugins trust shodan --reason 'read by GB' --with-provenance \\
    --plugins-lock plugins.lock

Writes what is here now, and a line into plugins.lock.journal. Exit code 2 when
it is refused; the message lists what is here.",
            risk: Risk::Write,
            raised_by: &["trust-mode", "trust-coverage", "accept-shared-directory"],
            domain: Domain::Installation,
            identities: BY_PEOPLE,
            document: Some(document_schema::<documents::AcceptedPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: accepted::untrust::run,
        is: Declaration {
            words: &["plugins", "untrust"],
            about: "Take a plugin out of plugins.lock",
            examples: "Examples:
  aisoc plugins trust shodan --reason 'read by GB, ticket OPS-1284'
  aisoc plugins untrust shodan --reason 'revoked: see ticket OPS-1290'

A host in production loads it no more. One whose entry was taken out by hand
gets the line that is missing in the journal.",
            risk: Risk::Write,
            raised_by: &["accept-shared-directory"],
            domain: Domain::Installation,
            document: Some(document_schema::<documents::RevokedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: accepted::new_lock::run,
        is: Declaration {
            words: &["plugins", "lock"],
            about: "Make a plugins.lock: one that accepts nothing, or everything that is here",
            examples: "Examples:
  aisoc plugins lock
  aisoc plugins lock --from-installed --reason 'as reviewed, ticket 12' \\
    --with-provenance --plugins-lock reviewed.lock

Refuses where there is one.",
            risk: Risk::Write,
            raised_by: &["trust-mode", "trust-coverage", "accept-shared-directory"],
            does_with: &[("from-installed", &["plugins", "trust"])],
            domain: Domain::Installation,
            document: Some(document_schema::<documents::AcceptedPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: fleet::push::run,
        is: Declaration {
            words: &["plugins", "lock", "push"],
            about: "Sign plugins.lock as a set, which other sites follow with `plugins lock pull`",
            examples: "Examples:
  aisoc plugins lock --from-installed --with-provenance --reason 'ticket 12'
  aisoc plugins lock push registry.example/team/plugins:fleet --name fleet \\
    --expires 30d --private-key release.key
  aisoc plugins lock push fleet.lockset --name fleet --expires 30d \\
    --private-key release.key
  # a second signer, where sites ask for two
  aisoc plugins lock push fleet.lockset --add --private-key new.key

The next version stands in the place of the one before, which is verified
first. Whoever signs sets is trusted for that by each site itself: by a key
whose note says that it may sign `lock`.",
            risk: Risk::Write,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::PushedPluginSet>),
            ..PLAIN
        },
    },
    &Command {
        run: fleet::pull::run,
        is: Declaration {
            words: &["plugins", "lock", "pull"],
            about: "Bring plugins.lock to what a signed set says, if enough keys of this site have signed it",
            examples: "Examples:
  # once: from where, which set, and how many have to have signed it
  aisoc plugins lock pull registry.example/team/plugins:fleet \\
    --name fleet --required-signatures 1 --save
  # from then on
  aisoc plugins lock pull
  aisoc plugins lock pull --dry-run

Exit code 4 when the source is down: the lock stays as it is.",
            risk: Risk::Write,
            raised_by: &["save", "rollback", "accept-shared-directory"],
            domain: Domain::Installation,
            document: Some(document_schema::<documents::PulledPluginSet>),
            ..PLAIN
        },
    },
    &Command {
        run: fleet::sync::run,
        is: Declaration {
            words: &["plugins", "sync"],
            about: "Bring what is installed to what plugins.lock accepts, and the lock to the set that it follows",
            examples: "Examples:
  # once: from where, which set, and how many have to have signed it
  aisoc plugins sync registry.example/team/plugins:fleet \\
    --name fleet --required-signatures 1 --save
  # from then on; what it would do, and doing it
  aisoc plugins sync --dry-run
  aisoc plugins sync

With --rollback --reason TEXT to the lock before the set, plugins and all.
Each plugin comes by the digest that the lock accepts, through every gate of an
install, or not at all; the others come all the same. What the lock does not
accept is named and stays. Run it again after a failure: what is done is not
fetched again.",
            risk: Risk::Write,
            raised_by: &[
                "save",
                "rollback",
                "trust-mode",
                "trust-coverage",
                "accept-shared-directory",
            ],
            does: &[&["plugins", "lock", "pull"], &["plugin", "install"]],
            domain: Domain::Installation,
            document: Some(document_schema::<documents::SyncedPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: verify_at_rest::run,
        is: Declaration {
            words: &["plugins", "verify"],
            about: "Verify every installed plugin against today's keys, and what is here against plugins.lock",
            examples: "Examples:
  aisoc plugins verify
  aisoc plugins verify shodan virustotal --json
  aisoc plugins verify --only signatures
  # before a host gets strict: what it would refuse, and what mends each
  aisoc plugins verify --trust-mode strict --dry-run

Exit code 3 when one of them is refused, or differs from the lock; every one is
listed. Where there is no lock, none is asked; where nothing is installed, no
keys are. With --dry-run it is 0 whatever is found, unless the plugins, the keys
or the lock cannot be read.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::PluginVerdicts>),
            ..PLAIN
        },
    },
    &Command {
        run: review::describe::run,
        is: Declaration {
            words: &["plugins", "describe"],
            about: "Show what a reviewer asks of one plugin, installed or offered, before it is accepted",
            examples: "Examples:
  aisoc plugins describe shodan
  aisoc plugins describe registry.example/team/my-plugin:1.2.0
  aisoc plugins describe shodan --json

What it is and who has signed it, every gate, what it asks of its host, what has
changed since the version that this site accepted, its files, and a checklist.
Nothing is changed, and nothing of the plugin is run; of an entry point that is
asked for by the name that it gives itself, as `plugins list` shows it, that is
found out as there. Exit code 0 whatever the verdict is.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::DescribedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: search::run,
        is: Declaration {
            words: &["plugins", "search"],
            about: "Search what is installed, and what publishing indexes offer, by words",
            examples: "Examples:
  aisoc plugins search reputation
  # what a publisher offers, and which version of it is here
  aisoc plugin index registry.example/team/shodan:0.1.0 > index.json
  aisoc plugins search enricher shodan --index index.json

Every word has to stand in its id, type, name, description, author, tags or
capabilities, in letters of either case; without a word all are listed. Nothing
that is found was verified: `plugins verify` judges what is installed, and
`plugin install` what it fetches. Exit code 0 whatever is found.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::FoundPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: usage::run,
        is: Declaration {
            words: &["plugins", "usage"],
            about: "Show which accessors of its host a plugin has really called, beside what it declares",
            examples: "Examples:
  aisoc plugins usage shodan
  aisoc plugins usage shodan --state host.json --json

It reads what a host has written down beside its state file, a moment old,
whether that host runs or not.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::UsedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: review::diff::run,
        is: Declaration {
            words: &["plugins", "diff"],
            about: "Show what differs between the accepted version of a plugin and another one",
            examples: "Examples:
  # would an upgrade ask for more?
  aisoc plugins diff registry.example/team/my-plugin:1.2.0
  # the same, by its id
  aisoc plugins diff my-plugin --to registry.example/team/my-plugin:1.2.0
  # in CI: stop when something has changed since it was accepted
  aisoc plugins diff my-plugin --exit-code
  # two versions, neither of them installed
  aisoc plugins diff registry.example/team/my-plugin:1.1.0 --to \\
    registry.example/team/my-plugin:1.2.0 --json

Files, capabilities, signers, version and dependencies. What is offered is
hashed as it comes and written nowhere. Exit code 0 whether they differ or not;
with --exit-code 1 where they do, or where it is not known. What the gates say
of it is told, and changes no exit code: `aisoc explain` says why.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::ComparedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: journal::verify::<PluginsJournalArgs>,
        is: Declaration {
            words: &["plugins", "journal", "verify"],
            about: "Hold the journal of a site to its chain: a line that was removed, changed, moved or cut off",
            examples: "Examples:
  aisoc plugins journal verify
  aisoc plugins journal verify --plugins-dir installed --json

Exit code 3 when a line is not as it was written, 1 when one that was written
by hand is none.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::VerifiedJournals>),
            ..PLAIN
        },
    },
    &Command {
        run: journal::show::<PluginsJournalArgs>,
        is: Declaration {
            words: &["plugins", "journal", "show"],
            about: "Show the journal of a site: when, what, why and by whom, the newest last",
            examples: "Examples:
  aisoc plugins journal show
  aisoc plugins journal show --since 2026-05-24 --action floor-lower",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::JournalEntries>),
            ..PLAIN
        },
    },
    &Command {
        run: journal::export::<PluginsJournalArgs>,
        is: Declaration {
            words: &["plugins", "journal", "export"],
            about: "Print the journal of a site as JSON lines, one document for each, to keep elsewhere",
            examples: "Examples:
  aisoc plugins journal export > plugins.journal.jsonl",
            risk: Risk::Read,
            domain: Domain::Installation,
            ..PLAIN
        },
    },
    &Command {
        run: key_change::add,
        is: Declaration {
            words: &["keys", "add"],
            about: "Trust a public key",
            examples: "Examples:
  aisoc keys add acme-2025.pem --reason 'ticket 12'
  # for the plugins of one publisher alone, and for a year
  aisoc keys add acme-2026.pem --id acme --owner 'Acme, release team' \\
    --plugin 'acme-*' --not-after 2099-01-01T00:00:00Z --reason 'ticket 12'
  aisoc keys add - --id acme-next --reason 'ticket 12' < acme-2027.pem",
            risk: Risk::Write,
            domain: Domain::Keys,
            identities: BY_PEOPLE,
            document: Some(document_schema::<documents::ChangedKey>),
            ..PLAIN
        },
    },
    &Command {
        run: key_change::stage,
        is: Declaration {
            words: &["keys", "stage"],
            about: "Put a public key beside the trusted ones, to be trusted some day",
            examples: "Examples:
  aisoc keys stage acme-2026.pem --reason 'ticket 12'",
            risk: Risk::Write,
            domain: Domain::Keys,
            document: Some(document_schema::<documents::ChangedKey>),
            ..PLAIN
        },
    },
    &Command {
        run: key_change::promote,
        is: Declaration {
            words: &["keys", "promote"],
            about: "Trust a key that is staged",
            examples: "Examples:
  aisoc keys promote next --reason 'ticket 12'",
            risk: Risk::Write,
            does: &[&["keys", "add"]],
            domain: Domain::Keys,
            document: Some(document_schema::<documents::ChangedKey>),
            ..PLAIN
        },
    },
    &Command {
        run: key_change::retire,
        is: Declaration {
            words: &["keys", "retire"],
            about: "Stop to trust a key, now or after a date, unless something depends on it",
            examples: "Examples:
  aisoc keys retire older --reason 'ticket 12'
  aisoc keys retire old --after 2099-01-01T00:00:00Z --reason 'ticket 12'",
            risk: Risk::Write,
            raised_by: &["force"],
            domain: Domain::Keys,
            document: Some(document_schema::<documents::ChangedKey>),
            ..PLAIN
        },
    },
    &Command {
        run: key_change::revoke,
        is: Declaration {
            words: &["keys", "revoke"],
            about: "Revoke a key: nothing that it signed counts any more, whenever that was",
            examples: "Examples:
  aisoc keys revoke older --reason 'laptop stolen, ticket 12'
  # whatever depends on it, and whatever was accepted on its word
  aisoc keys revoke old --force --with-successors \\
    --reason 'laptop stolen, ticket 12'",
            risk: Risk::Write,
            raised_by: &["force"],
            domain: Domain::Keys,
            document: Some(document_schema::<documents::ChangedKey>),
            ..PLAIN
        },
    },
    &Command {
        run: succession::endorse::run,
        is: Declaration {
            words: &["keys", "endorse"],
            about: "Have an old key name the key that succeeds it, for sites that let it",
            examples: "Examples:
  aisoc keys endorse acme-2026.pem --private-key acme-2025.key --overlap 30d \\
    --out acme-2026.endorsement
  # two of three keys have to say so: the first begins it
  aisoc keys endorse acme-2026.pem --private-key first.key --endorser \\
    second.pem --endorser third.pem --require 2 --out acme.endorsement
  aisoc keys endorse acme-2026.pem --private-key second.key --add \\
    acme.endorsement
  aisoc keys endorse acme-2026.pem --private-key acme-2025.key --out \\
    registry.example/team/keys:acme-2026

It is signed in a form of its own, which is no signature of a plugin
(`aisoc help signing-format`). Nobody follows it unasked: sites do with
`aisoc keys accept`.",
            risk: Risk::Write,
            domain: Domain::Keys,
            document: Some(document_schema::<documents::EndorsedKey>),
            ..PLAIN
        },
    },
    &Command {
        run: succession::accept::run,
        is: Declaration {
            words: &["keys", "accept"],
            about: "Trust a key because trusted keys that may say so have named it their successor",
            examples: "Examples:
  aisoc keys accept successor.endorsement --reason 'ticket 12' --dry-run
  aisoc keys accept successor.endorsement --id acme --reason 'ticket 12'
  aisoc keys accept registry.example/team/keys:successor --reason 'ticket 12'

It gets at most what its endorsers have: scope, coverage, what they sign, and
until when. They have to count today, and their notes have to let them:
`aisoc keys show ID` says what a key may sign.",
            risk: Risk::Write,
            domain: Domain::Keys,
            identities: BY_PEOPLE,
            document: Some(document_schema::<documents::AcceptedKey>),
            ..PLAIN
        },
    },
    &Command {
        run: key_change::rotate::run,
        is: Declaration {
            words: &["keys", "rotate"],
            about: "Let one key give way to another: every step that is due, and what the others wait for",
            examples: "Examples:
  # the plan, for a ticket
  aisoc keys rotate --new acme-2026.pem --retire old --overlap 30d \\
    --reason 'ticket 12' --dry-run --json
  # the same line again, from cron, until `is_finished`
  aisoc keys rotate --new acme-2026.pem --retire old --overlap 30d \\
    --reason 'ticket 12'

Staged, trusted, the signatures that are still missing, retired, and with
--revoke revoked. Exit code 0 while it waits and when it is finished.",
            risk: Risk::Write,
            does: &[&["keys", "add"], &["keys", "stage"], &["keys", "promote"], &["keys", "retire"]],
            does_with: &[("revoke", &["keys", "revoke"])],
            domain: Domain::Keys,
            document: Some(document_schema::<documents::KeyRotation>),
            ..PLAIN
        },
    },
    &Command {
        run: key_change::restore,
        is: Declaration {
            words: &["keys", "restore"],
            about: "Trust a key again that was retired or revoked",
            examples: "Examples:
  aisoc keys restore gone --reason 'retired too early, ticket 13'",
            risk: Risk::HighRiskWrite,
            domain: Domain::Keys,
            identities: BY_PEOPLE,
            document: Some(document_schema::<documents::ChangedKey>),
            ..PLAIN
        },
    },
    &Command {
        run: key_change::annotate,
        is: Declaration {
            words: &["keys", "annotate"],
            about: "Say whose a key is, from when to when it counts, and for what",
            examples: "Examples:
  aisoc keys annotate old --owner 'Acme, release team' --plugin 'acme-*' \\
    --repository ghcr.io/acme --reason 'ticket 12'
  aisoc keys annotate old --clear owner --reason 'ticket 12'",
            risk: Risk::Write,
            raised_by: &["force"],
            domain: Domain::Keys,
            document: Some(document_schema::<documents::ChangedKey>),
            ..PLAIN
        },
    },
    &Command {
        run: journal::verify::<KeysJournalArgs>,
        is: Declaration {
            words: &["keys", "journal", "verify"],
            about: "Hold the journal of keys to its chain: a line that was removed, changed, moved or cut off",
            examples: "Examples:
  aisoc keys journal verify
  aisoc keys journal verify --keys keys --json

Exit code 3 when a line is not as it was written, 1 when one that was written
by hand is none.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::VerifiedJournals>),
            ..PLAIN
        },
    },
    &Command {
        run: journal::show::<KeysJournalArgs>,
        is: Declaration {
            words: &["keys", "journal", "show"],
            about: "Show the journal of keys: when, what, why and by whom, the newest last",
            examples: "Examples:
  aisoc keys journal show
  aisoc keys journal show --id acme-2024 --json",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::JournalEntries>),
            ..PLAIN
        },
    },
    &Command {
        run: journal::export::<KeysJournalArgs>,
        is: Declaration {
            words: &["keys", "journal", "export"],
            about: "Print the journal of keys as JSON lines, one document for each, to keep elsewhere",
            examples: "Examples:
  aisoc keys journal export --since 2026-01-01 > keys.journal.jsonl",
            risk: Risk::Read,
            domain: Domain::Installation,
            ..PLAIN
        },
    },
    &Command {
        run: clock::run,
        is: Declaration {
            words: &["plugins", "clock"],
            about: "Show by which time keys are judged here, and reset the time that was seen last",
            examples: "Examples:
  aisoc plugins clock
  # after the clock of this machine was wrong, and is right now
  aisoc plugins clock --reset --reason \"clock was a year ahead\" --yes

Keys are judged by the later of two times: the clock's, and the latest that a
command which changed the plugins directory has seen. So a key that has expired
does not count again when the clock is set back.",
            risk: Risk::HighRiskWrite,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::SiteClock>),
            ..PLAIN
        },
    },
    &Command {
        run: keys::list::run,
        is: Declaration {
            words: &["keys", "list"],
            about: "List the keys of the trusted keys directory, and what each verifies here",
            examples: "Examples:
  aisoc keys list
  aisoc keys list --json",
            risk: Risk::Read,
            domain: Domain::Keys,
            document: Some(document_schema::<documents::KeyList>),
            ..PLAIN
        },
    },
    &Command {
        run: keys::show::run,
        is: Declaration {
            words: &["keys", "show"],
            about: "Show everything that is known of one key",
            examples: "Examples:
  aisoc keys show release
  aisoc keys show release.pem   # where several keys are called so",
            risk: Risk::Read,
            domain: Domain::Keys,
            document: Some(document_schema::<documents::ShownKey>),
            ..PLAIN
        },
    },
    &Command {
        run: keys::lint::run,
        is: Declaration {
            words: &["keys", "lint"],
            about: "Look for everything that is wrong with a directory of keys, all of it at once",
            examples: "Examples:
  aisoc keys lint --trusted-keys keys
  # in CI: warnings fail as well, and keys that end in the next quarter are some
  aisoc keys lint --trusted-keys keys --strict --within 90d
  # for code scanning
  aisoc keys lint --trusted-keys keys --format sarif > keys.sarif

Exit code 1 when something is an error, and with --strict when something is a
warning. Everything that was found is printed first.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::KeyLint>),
            ..PLAIN
        },
    },
    &Command {
        run: keys::calendar::run,
        is: Declaration {
            words: &["keys", "calendar"],
            about: "List what falls due: keys that begin, end, are revoked, or wait to be promoted",
            examples: "Examples:
  aisoc keys calendar --trusted-keys keys
  aisoc keys calendar --trusted-keys keys --within 13w --json

What is over stays in the list as long as its key stands where it was.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::KeyCalendar>),
            ..PLAIN
        },
    },
    &Command {
        run: keys::fingerprint::run,
        is: Declaration {
            words: &["keys", "fingerprint"],
            about: "Print the fingerprint of a public key, or of the keys that signatures name, unverified",
            examples: "Examples:
  aisoc keys fingerprint release.pem
  # whose signatures are on it, by the names of this site
  aisoc keys fingerprint my-plugin.tar --trusted-keys keys

Each line has the fingerprint that aisoc goes by, the one that OpenSSH prints
where the key itself is known, and a name. Private keys are refused.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::KeyFingerprints>),
            ..PLAIN
        },
    },
    &Command {
        run: keys::impact::run,
        is: Declaration {
            words: &["keys", "impact"],
            about: "Show what depends on keys: what would be refused if they were gone",
            examples: "Examples:
  aisoc keys impact new
  # also what is published: that version, or all where no tag is named
  aisoc keys impact new --registry registry.example/team/my-plugin:1.2.0
  aisoc keys impact new --json

Exit code 3 when something is lost with the keys, 0 when nothing is: the
installed plugins and the versions that are kept for a rollback, read whole
and judged by the keys as they are and without these.",
            risk: Risk::Read,
            domain: Domain::Keys,
            document: Some(document_schema::<documents::KeyImpact>),
            ..PLAIN
        },
    },
    &Command {
        run: keyset::export::run,
        is: Declaration {
            words: &["keys", "export"],
            about: "Sign the keys of a directory as a set, which other sites follow with `keys sync`",
            examples: "Examples:
  aisoc keys export fleet.keyset --name fleet --expires 30d \\
    --private-key release.key --trusted-keys keys
  # a second signer, where sites ask for two
  aisoc keys export fleet.keyset --add --private-key new.key --keys keys
  aisoc keys export - --name fleet --set-version 7 --expires 30d \\
    --private-key release.key --keys keys

The next version stands in the place of the one before, which is verified
first. Public keys, their notes and where each stands are in it; a private key
never is.",
            risk: Risk::Write,
            raised_by: &["force"],
            domain: Domain::Keys,
            document: Some(document_schema::<documents::ExportedKeySet>),
            ..PLAIN
        },
    },
    &Command {
        run: keyset::sync::run,
        is: Declaration {
            words: &["keys", "sync"],
            about: "Bring the trusted keys to what a signed set says, if enough keys of this site have signed it",
            examples: "Examples:
  # once: from where, which set, and how many have to have signed it
  aisoc keys sync registry.example/team/keys:fleet --name fleet \\
    --required-signatures 2 --save
  # from then on, as from cron
  aisoc keys sync
  aisoc keys sync --dry-run

Only files that a set has brought are touched, and what was revoked here stays
revoked. A key that something installed depends on goes once nothing does;
what the set revokes is revoked at once. Exit code 4 when the source is down:
the keys stay as they are.",
            risk: Risk::Write,
            raised_by: &["force", "save"],
            domain: Domain::Keys,
            document: Some(document_schema::<documents::SyncedKeySet>),
            ..PLAIN
        },
    },
    &Command {
        run: serve::run,
        is: Declaration {
            words: &["serve"],
            about: "Hold the plugins that the gates admit, and answer operators",
            examples: "Examples:
  ENVIRONMENT=development aisoc serve --state ./host.json
  # a free port; the address is printed
  ENVIRONMENT=development aisoc serve --state ./host.json --listen 127.0.0.1:0
  aisoc serve --state ./host.json --tokens ./tokens.json

Every plugin that `aisoc plugins list` would list is known to it, with its state;
those in directories that every gate lets pass are loaded, each in a process of
its own. Who asks shows a token of --tokens (`aisoc token create`). Without that
file there is no login, which is for development alone: ENVIRONMENT is
development, dev, local or demo. Other machines reach it over TLS alone. SIGTERM
lets requests that have begun end, then ends every plugin. With --json the address comes as one line, as
soon as it can be asked. See `aisoc help host`.",
            risk: Risk::HighRiskWrite,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::ServedHost>),
            ..PLAIN
        },
    },
    &Command {
        run: trust_policy::show::run,
        is: Declaration {
            words: &["trust", "policy", "show"],
            about: "Show the trust rules that count: which plugins each is about, and what it requires",
            examples: "Examples:
  aisoc trust policy show --trust-policy trust.toml
  aisoc trust policy show --trust-policy trust.toml --json

A file that has a fault is refused whole, with its line: nothing is let in by it.
See `aisoc help trust`.",
            risk: Risk::Read,
            domain: Domain::Keys,
            document: Some(document_schema::<documents::TrustRuleList>),
            ..PLAIN
        },
    },
    &Command {
        run: trust_policy::explain::run,
        is: Declaration {
            words: &["trust", "policy", "explain"],
            about: "Explain what has to be shown of one plugin: every trust rule that is about it",
            examples: "Examples:
  aisoc trust policy explain my-plugin --trust-policy trust.toml
  aisoc trust policy explain my-plugin --trust-policy trust.toml \\
    --from registry.example/team/my-plugin:1.2.0 --json

Exit code 0 whatever the rules say: it is the answer. What was shown of a plugin
says `aisoc plugin verify REFERENCE --explain`.",
            risk: Risk::Read,
            domain: Domain::Keys,
            document: Some(document_schema::<documents::ExplainedTrust>),
            ..PLAIN
        },
    },
    &Command {
        run: trust_policy::test::run,
        is: Declaration {
            words: &["trust", "policy", "test"],
            about: "Hold trust rules against what is expected of them, for the CI of whoever writes them",
            examples: "Examples:
  aisoc trust policy test cases.toml --trust-policy trust.toml

Each case supposes a plugin, and expects that it is admitted, refused, or refused
with a code. Exit code 1 where one comes out otherwise. See `aisoc help trust`.",
            risk: Risk::Read,
            domain: Domain::Keys,
            document: Some(document_schema::<documents::TestedTrust>),
            ..PLAIN
        },
    },
    &Command {
        run: api::list::run,
        is: Declaration {
            words: &["api", "list"],
            about: "List the plugins of a host, with their states",
            examples: "Examples:
  aisoc api list
  aisoc api list --token-file ops.token
  aisoc api list --plugin-type enricher --json

Everything that the host has found is listed, what it refuses too: `aisoc api
get ID` says why. Which host is meant, --url says, or AISOC_HOST_URL; the token
comes from --token-file, or from AISOC_HOST_TOKEN, and is shown to that host and
to nobody else. Without TLS, a host is on this machine. See `aisoc help host`.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::HostedPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: api::get::run,
        is: Declaration {
            words: &["api", "get"],
            about: "Show one plugin of a host: its state, its signature, and why it has failed",
            examples: "Examples:
  aisoc api get shodan",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::HostedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: api::discover::run,
        is: Declaration {
            words: &["api", "discover"],
            about: "Let a host look for plugins, and say which it has loaded",
            examples: "Examples:
  aisoc api discover

What is in memory is left as it is: `aisoc api reload ID` replaces it.",
            risk: Risk::HighRiskWrite,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::BroughtIn>),
            ..PLAIN
        },
    },
    &Command {
        run: api::switch::disable,
        is: Declaration {
            words: &["api", "disable"],
            about: "Let a plugin of a host take no more calls; it stays in memory",
            examples: "Examples:
  aisoc api disable shodan",
            risk: Risk::Write,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::HostedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: api::switch::enable,
        is: Declaration {
            words: &["api", "enable"],
            about: "Let a plugin of a host take calls",
            examples: "Examples:
  aisoc api enable shodan",
            risk: Risk::Write,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::HostedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: api::switch::reload,
        is: Declaration {
            words: &["api", "reload"],
            about: "Let a host judge and load again what is on its disk",
            examples: "Examples:
  aisoc api reload shodan
  # from a directory beside it, then and from then on
  aisoc api reload shodan --from shodan-0.2.0

What is refused, or cannot be loaded, leaves in place what runs. Calls that have
begun end in what they began in.",
            risk: Risk::HighRiskWrite,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::HostedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: api::run::run,
        is: Declaration {
            words: &["api", "run"],
            about: "Call a plugin of a host, and print what it returns",
            examples: "Examples:
  aisoc api run shodan --payload '{\"indicator\": \"203.0.113.7\"}'
  aisoc api run shodan --payload @alert.json --json",
            risk: Risk::HighRiskWrite,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::CalledPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: api::hooks::list,
        is: Declaration {
            words: &["api", "hooks"],
            about: "List who is registered at the hooks of a host, in the order in which they are called, and how they do",
            examples: "Examples:
  aisoc api hooks
  aisoc api hooks --json",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::HostedHooks>),
            ..PLAIN
        },
    },
    &Command {
        run: api::hooks::fire,
        is: Declaration {
            words: &["api", "fire"],
            about: "Fire a hook of a host, and print what its handlers make of it",
            examples: "Examples:
  aisoc api fire pre_assert_authorize --payload '{\"source\": \"agent:a\"}'
  aisoc api fire recall_filter --value @found.json --json

Where nobody is registered at a hook, votes come to `allow` and a value stays as
it is. A handler that fails ends it, with exit code 1.",
            risk: Risk::HighRiskWrite,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::FiredHook>),
            ..PLAIN
        },
    },
    &Command {
        run: api::unload::run,
        is: Declaration {
            words: &["api", "unload"],
            about: "Let a host take a plugin out of its memory; its files stay",
            examples: "Examples:
  aisoc api unload shodan",
            risk: Risk::Write,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::UnloadedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: api::change::install,
        is: Declaration {
            words: &["api", "install"],
            about: "Let a host install a plugin and load it, beside what runs of it",
            examples: "Examples:
  aisoc api install registry.example/team/shodan:0.1.0

Everything that `aisoc plugin install` asks is asked, by the host. What cannot be
loaded is taken back, and what ran before goes on.",
            risk: Risk::HighRiskWrite,
            does: &[&["plugin", "install"]],
            domain: Domain::Installation,
            document: Some(document_schema::<documents::BroughtPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: api::change::roll_back,
        is: Declaration {
            words: &["api", "rollback"],
            about: "Let a host put back a version that was replaced, and load it",
            examples: "Examples:
  aisoc api rollback my-plugin --to 1.1.0",
            risk: Risk::HighRiskWrite,
            does: &[&["plugin", "rollback"]],
            domain: Domain::Installation,
            document: Some(document_schema::<documents::HostedPlugin>),
            ..PLAIN
        },
    },
    &Command {
        run: api::watch::run,
        is: Declaration {
            words: &["api", "events"],
            about: "Watch what happens on a host, one line for each event",
            examples: "Examples:
  aisoc api events
  aisoc api events --json --after 1795819107-4

It goes on until Ctrl-C. The newest 1,024 events are kept by the host: --after
begins behind one of them, and the event `gap` says that some are missing.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::WatchedEvent>),
            ..PLAIN
        },
    },
    &Command {
        run: token::create::run,
        is: Declaration {
            words: &["token", "create"],
            about: "Make a token by which somebody may ask a host, and show it once",
            examples: "Examples:
  aisoc token create monitor --scope plugins:read --tokens tokens.json
  aisoc token create ops --role admin --operator 'Ada Lovelace' \\
    --expires 30d --tokens tokens.json

A token is printed alone, so that `TOKEN=$(aisoc token create …)` has it; the
file holds its SHA-256. A scope allows exactly what it says: who may change
plugins may not for that see or call them. Hosts that run take it within a
second. See `aisoc help host`.",
            risk: Risk::Write,
            domain: Domain::Installation,
            identities: BY_PEOPLE,
            document: Some(document_schema::<documents::CreatedToken>),
            ..PLAIN
        },
    },
    &Command {
        run: token::list::run,
        is: Declaration {
            words: &["token", "list"],
            about: "List the tokens of a host: what each allows, and until when",
            examples: "Examples:
  aisoc token list --tokens tokens.json",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::TokenList>),
            ..PLAIN
        },
    },
    &Command {
        run: token::revoke::run,
        is: Declaration {
            words: &["token", "revoke"],
            about: "Revoke a token: hosts that run refuse it within a second",
            examples: "Examples:
  aisoc token revoke ci --tokens tokens.json",
            risk: Risk::Write,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::RevokedToken>),
            ..PLAIN
        },
    },
    &Command {
        run: copy::run,
        is: Declaration {
            words: &["copy"],
            about: "Copy artifacts as they are between registries, layouts and archives",
            examples: "Examples:
  # promote what was tested, with its signatures
  aisoc copy --recursive registry.example/team/my-plugin:1.2.0 \\
    registry.example/released/my-plugin
  # a repository onto a disk, and from there to where no network is
  aisoc copy --all-tags registry.example/team/my-plugin oci-archive:all.tar
  aisoc copy --all-tags oci-archive:all.tar registry.example/inside/my-plugin

Digests stay, and nothing is judged: whoever installs a copy judges it as what
it was copied from. A copy that is cut short goes on where it ended when it is
made again.",
            risk: Risk::Write,
            raised_by: &["replace-tag"],
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::CopiedArtifacts>),
            ..PLAIN
        },
    },
    &Command {
        run: bundle::export::run,
        is: Declaration {
            words: &["bundle", "export"],
            about: "Put plugins into one file, each verified, with all that refers to them",
            examples: "Examples:
  aisoc bundle export registry.example/team/my-plugin:1.2.0 \\
    registry.example/team/shodan:0.1.0 --keys keys --out fleet.tar

Each plugin is verified by these keys in the bundle itself, and the first that
is refused refuses it: then there is no file. It holds what refers to each
plugin too, such as signatures and bills of materials, and which keys have
signed it, by their fingerprints. Keys are not in it: whoever imports it has
their own. The digest that is printed binds all of it; `bundle import
--require-digest` takes no other bundle.

The file is an archive of an OCI image layout. Every plugin has the tag
ID-VERSION there, so that `aisoc copy oci-archive:fleet.tar:ID-VERSION` puts it
into a registry.",
            risk: Risk::Write,
            domain: Domain::Artifact,
            document: Some(document_schema::<documents::BundledPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: bundle::import::run,
        is: Declaration {
            words: &["bundle", "import"],
            about: "Install the plugins of a bundle, once all of them were verified",
            examples: "Examples:
  aisoc bundle import plugins.tar --keys keys
  # what would become of each, and one of them alone
  aisoc bundle import plugins.tar --dry-run
  aisoc bundle import plugins.tar my-plugin

No network is used. Every plugin passes what `plugin install` asks of it, by the
keys of this site, before the first is installed: where one is refused, nothing
is written. What the bundle says of its plugins is believed in nothing.",
            risk: Risk::Write,
            raised_by: &[
                "plugin-mode",
                "allow-downgrade",
                "allow-signer-change",
                "lower-coverage",
                "trust-mode",
                "trust-coverage",
                "accept-shared-directory",
            ],
            does: &[&["plugin", "install"]],
            does_with: &[("lock", &["plugins", "trust"])],
            domain: Domain::Installation,
            document: Some(document_schema::<documents::InstalledPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: registry::gc::run,
        is: Declaration {
            words: &["registry", "gc"],
            about: "Remove from a registry what no manifest names any more",
            examples: "Examples:
  aisoc registry gc --dry-run   # what would be removed
  aisoc registry gc --dir ./registry
  # manifests without a tag, too, that nobody has asked for in 90 days
  aisoc registry gc --dir ./registry --untagged --older-than 90d

Every manifest stays, with all that it names, and so does what was pushed or
asked for within `--grace`: its manifest may be on its way. With `--untagged`,
manifests without a tag go once they are old enough. These may be what
somebody has pinned by digest; who asks for one begins its time anew.

A registry may serve the directory meanwhile. Both take the lock of each
repository for a moment at a time. A manifest that cannot be read keeps its
whole repository from being collected, and is named. Files that are no blobs
are left alone. Ctrl-C leaves everything whole.",
            risk: Risk::HighRiskWrite,
            domain: Domain::Registry,
            document: Some(document_schema::<documents::CollectedRegistry>),
            ..PLAIN
        },
    },
    &Command {
        run: registry::ls::run,
        is: Declaration {
            words: &["registry", "ls"],
            about: "List the repositories of a registry",
            examples: "Examples:
  aisoc registry ls localhost:5000
  # `team` itself and what stands under it, for programs
  aisoc registry ls registry.example/team --json

What the registry shows to the login that it is sent, sorted, one line each. Not
every registry has such a list: ghcr.io and Docker Hub have none.",
            risk: Risk::Read,
            domain: Domain::Registry,
            document: Some(document_schema::<documents::RepositoryList>),
            ..PLAIN
        },
    },
    &Command {
        run: registry::tags::run,
        is: Declaration {
            words: &["registry", "tags"],
            about: "List the tags of a repository or a layout",
            examples: "Examples:
  aisoc registry tags registry.example/team/my-plugin
  aisoc registry tags registry.example/team/my-plugin --json

Versions come first, the newest of them before all. Which versions of a plugin
are installed here is another question: `aisoc plugin list --versions`.",
            risk: Risk::Read,
            domain: Domain::Registry,
            document: Some(document_schema::<documents::TagList>),
            ..PLAIN
        },
    },
    &Command {
        run: registry::delete::run,
        is: Declaration {
            words: &["registry", "delete"],
            about: "Delete a tag or a manifest from a registry or a layout",
            examples: "Examples:
  # the tag alone: what it names stays for whoever has pinned it
  aisoc registry delete --dry-run registry.example/team/my-plugin:1.1.0
  aisoc registry delete --yes registry.example/team/my-plugin:1.1.0

What would go is looked up and asked about first. A manifest, which is named by
its digest (`REPOSITORY@sha256:…`), goes with its tags: they are named, and
`--with-tags` says that they may go. A registry that deletes no tag alone is not
asked for more: it is refused, and which tags would go is said. What is about a
manifest, as signatures are, stays, and is counted. Blobs stay until somebody
collects garbage: `aisoc registry gc`.",
            risk: Risk::HighRiskWrite,
            domain: Domain::Registry,
            document: Some(document_schema::<documents::DeletedArtifact>),
            ..PLAIN
        },
    },
    &Command {
        run: registry::explain_login::run,
        is: Declaration {
            words: &["registry", "auth", "explain"],
            about: "Say which login a registry would be sent, and where it is from",
            examples: "Examples:
  aisoc registry auth explain registry.example/team/my-plugin:1.2.0
  # for the registry as a whole, for programs
  aisoc registry auth explain ghcr.io --json

Every place where a login is looked for is listed, in order, with why it was not
used. No secret is shown, and the registry is not asked. A credential helper is,
as it would be by a push.",
            risk: Risk::Read,
            domain: Domain::Registry,
            document: Some(document_schema::<documents::ExplainedRegistryLogin>),
            ..PLAIN
        },
    },
    &Command {
        run: registry::login::run,
        is: Declaration {
            words: &["registry", "login"],
            about: "Log in at a registry, and keep the login where Docker would",
            examples: "Examples:
  printf hunter2 | aisoc registry login registry.example -u me --password-stdin

The registry is asked before anything is written: a login that it does not take
is not kept. It is kept in `$DOCKER_CONFIG/config.json`, else
`~/.docker/config.json`, mode 0600, or with the credential helper that the file
names, where docker, oras, skopeo and crane find it. Everything else in the file
stays as it was. A password is read from standard input alone.",
            risk: Risk::Write,
            domain: Domain::Registry,
            document: Some(document_schema::<documents::KeptRegistryLogin>),
            ..PLAIN
        },
    },
    &Command {
        run: registry::logout::run,
        is: Declaration {
            words: &["registry", "logout"],
            about: "Forget the login at a registry",
            examples: "Examples:
  aisoc registry logout registry.example

What `aisoc registry login` keeps for that registry is removed, and nothing else.
Where there was none it says so, and ends with 0. A login that another source
still has is warned of.",
            risk: Risk::Write,
            domain: Domain::Registry,
            document: Some(document_schema::<documents::ForgottenRegistryLogin>),
            ..PLAIN
        },
    },
    &Command {
        run: registry::whoami::run,
        is: Declaration {
            words: &["registry", "whoami"],
            about: "Say who a registry takes us for, and where that login is from",
            examples: "Examples:
  aisoc registry whoami registry.example
  # without asking the registry whether it agrees
  aisoc registry whoami ghcr.io --offline

It ends with 1 where there is no login, and where the registry does not take it.",
            risk: Risk::Read,
            domain: Domain::Registry,
            document: Some(document_schema::<documents::RegistryIdentity>),
            ..PLAIN
        },
    },
    &Command {
        run: registry::serve::run,
        is: Declaration {
            words: &["registry", "serve"],
            about: "Serve an OCI registry from a directory",
            examples: "Examples:
  aisoc registry serve
  # a free port; the address is printed
  aisoc registry serve --dir ./registry --listen localhost:0
  # behind a proxy of that name
  aisoc registry serve --allow-host registry.test
  # what is there, for whoever asks on this machine
  aisoc registry serve --dir ./registry --read-only
  # for other machines: users, what each may do, and TLS
  aisoc registry serve --listen 0.0.0.0:5000 --htpasswd users.htpasswd \\
    --rights rights.toml --tls-certificate registry.crt \\
    --tls-private-key registry.pem

Without `--rights` there is no login: whoever reaches the address can push and
delete, so an address that other machines reach is refused, unless `--no-login`
says that this is meant. It answers as `localhost`, under its address, the name
of `--listen`, those of its certificate and those of `--allow-host`, and to no
other name: a web page that borrows the address for a name of its own gets
nothing. `localhost` is `127.0.0.1` and `::1`, both under one port. Figures for
Prometheus are at `/metrics`. `aisoc registry gc` removes what nothing names any
more, also while this serves. With --json the address comes as one line, as soon
as it can be asked.",
            risk: Risk::Write,
            domain: Domain::Registry,
            document: Some(document_schema::<documents::ServedRegistry>),
            ..PLAIN
        },
    },
    &Command {
        run: demo::run,
        is: Declaration {
            words: &["demo"],
            about: "Run the first hour in a fresh temporary directory, over real HTTP",
            examples: "Examples:
  aisoc demo
  # keep registry, keys and plugins to play with
  aisoc demo --keep /tmp/aisoc-demo",
            risk: Risk::Write,
            does: &[&["plugin", "new"], &["plugin", "keygen"], &["plugin", "validate"], &["plugin", "sign"], &["plugin", "package"], &["plugin", "push"], &["plugin", "release"], &["plugin", "pull"], &["plugin", "verify"], &["plugin", "install"], &["plugin", "list"], &["plugins", "verify"], &["registry", "serve"]],
            domain: Domain::Manual,
            ..PLAIN
        },
    },
    &Command {
        run: doctor::run,
        is: Declaration {
            words: &["doctor"],
            also: &["plugins", "doctor"],
            about: "Find everything that is insecure or broken on a site, and say what to do about each",
            examples: "Examples:
  aisoc doctor
  # warn of keys that end within a quarter
  aisoc doctor --within 13w --json

Settings, keys, the plugins directory, state and journals, the lock, the data
directory, Python and the clock: whose they are, who may change them, and what
does not hold. Nothing is changed, nothing of a plugin is run, and no network is
asked. Exit code 1 for an error, with --strict for a warning too, else 0. A host
that others use as well is held to more with --shared.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::SiteExamination>),
            ..PLAIN
        },
    },
    &Command {
        run: settings::run,
        is: Declaration {
            words: &["config", "show"],
            about: "Show every variable that aisoc goes by: what counts, where that is from, and what is wrong with it",
            examples: "Examples:
  aisoc config show
  aisoc config show --json

Of what holds a password or a token it is said that it is set, and nothing else.
Exit code 0 whatever is set: what cannot be understood is a warning here, with
what counts in its place. `aisoc help environment` says what each is for.",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::SettingList>),
            ..PLAIN
        },
    },
    &Command {
        run: config::policy_show::run,
        is: Declaration {
            words: &["config", "policy", "show"],
            about: "Show the policy that counts: where it is from, what it says, and how much it denies",
            examples: "Examples:
  aisoc config policy show
  aisoc config policy show --json

No policy denies this command. Where the file is, it does not say.",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::EffectivePolicy>),
            ..PLAIN
        },
    },
    &Command {
        run: config::policy_validate::run,
        is: Declaration {
            words: &["config", "policy", "validate"],
            about: "Check a policy: all faults at once, each with file, line and column",
            examples: "Examples:
  aisoc config policy validate
  aisoc config policy validate policy.yml --json",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::ValidPolicy>),
            ..PLAIN
        },
    },
    &Command {
        run: config::policy_explain::run,
        is: Declaration {
            words: &["config", "policy", "explain"],
            about: "Explain what comes of a command here: each axis of the policy, and which one decides",
            examples: "Examples:
  aisoc config policy explain plugin sign
  aisoc config policy explain keys/revoke --json

Exit code 0 whatever the decision is: it is the answer.",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::ExplainedCommand>),
            ..PLAIN
        },
    },
    &Command {
        run: config::policy_test::run,
        is: Declaration {
            words: &["config", "policy", "test"],
            about: "Hold a policy against what is expected of it, for the CI of whoever writes it",
            examples: "Examples:
  aisoc config policy test cases.yml --policy policy.yml

Each case names a command, and expects that it is allowed, denied, or denied with
a code. Exit code 1 where one comes out otherwise. See `aisoc help policy`.",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::TestedPolicy>),
            ..PLAIN
        },
    },
    &Command {
        run: config::plugins_show::run,
        is: Declaration {
            words: &["config", "plugins", "show"],
            about: "Show the plugins that are compiled into this command, and what each is called at",
            examples: "Examples:
  aisoc config plugins show
  aisoc config plugins show --json

No policy denies this command. Plugins that are installed are another matter:
`aisoc plugin list`.",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::CompiledPlugins>),
            ..PLAIN
        },
    },
    &Command {
        run: config::strict_mode::run,
        is: Declaration {
            words: &["config", "strict-mode"],
            about: "Bind this site to one identity, or say to which it is bound",
            examples: "Examples:
  aisoc config strict-mode
  # nothing that is for people alone would be given here any more
  aisoc config strict-mode bot --dry-run

What is for others alone is denied, whatever a policy says. That is kept in the
file `strict-mode` of the directory that AISOC_CONFIG_DIR names, or ~/.aisoc.",
            risk: Risk::HighRiskWrite,
            domain: Domain::Manual,
            identities: BY_PEOPLE,
            document: Some(document_schema::<documents::StrictModeState>),
            ..PLAIN
        },
    },
    &Command {
        run: explain::run,
        is: Declaration {
            words: &["explain"],
            about: "Explain a decision: every gate in its order, what it went by, and what would change its answer",
            examples: "Examples:
  aisoc explain shodan
  # what is offered, as an install would judge it beside what is installed
  aisoc explain registry.example/team/my-plugin:1.2.0
  aisoc explain my-plugin.tar --json

Exit code 0 whatever the decision is: it is the answer.",
            risk: Risk::Read,
            domain: Domain::Installation,
            document: Some(document_schema::<documents::ExplainedDecision>),
            ..PLAIN
        },
    },
    &Command {
        run: capabilities::run,
        is: Declaration {
            words: &["capabilities"],
            about: "List what a plugin can ask of its host: the accessor, the impact, and what to ask before it is accepted",
            examples: "Examples:
  aisoc capabilities
  aisoc capabilities --json",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::CapabilityList>),
            ..PLAIN
        },
    },
    &Command {
        run: hooks::run,
        is: Declaration {
            words: &["hooks"],
            about: "List the points at which plugins of Stigmem are called: how answers are put together, who is called first, and where a failure counts",
            examples: "Examples:
  aisoc hooks
  aisoc hooks --json",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::HookList>),
            ..PLAIN
        },
    },
    &Command {
        run: command_list::run,
        is: Declaration {
            words: &["commands"],
            about: "List every command with its path, its risk, what it is about, and for whom it is",
            examples: "Examples:
  aisoc commands
  # what a policy has to name
  aisoc commands --json",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::CommandList>),
            ..PLAIN
        },
    },
    &Command {
        run: reasons::run,
        is: Declaration {
            words: &["reasons"],
            about: "Explain reason codes: what each `error[code]` means and what to do",
            examples: "Examples:
  aisoc reasons
  aisoc reasons signature_invalid",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::ReasonCodes>),
            ..PLAIN
        },
    },
    &Command {
        run: help::run,
        is: Declaration {
            words: &["help"],
            about: "Print a page of the manual, or the help of a command",
            examples: "Examples:
  aisoc help   # the pages
  aisoc help signing-format",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::ManualPage>),
            ..PLAIN
        },
    },
    &Command {
        run: version::run,
        is: Declaration {
            words: &["version"],
            about: "Print the version; with --verbose or --json, what it was built from",
            examples: "Examples:
  aisoc version
  aisoc --version --verbose   # the same command, as an option",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::ToolVersion>),
            ..PLAIN
        },
    },
    &Command {
        run: completions::run,
        is: Declaration {
            words: &["completions"],
            about: "Print a shell's script that completes commands and options",
            examples: "Examples:
  aisoc completions bash > ~/.local/share/bash-completion/completions/aisoc
  aisoc completions zsh > ~/.zfunc/_aisoc   # a directory of zsh's fpath
  aisoc completions fish > ~/.config/fish/completions/aisoc.fish",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::CompletionScript>),
            ..PLAIN
        },
    },
    &Command {
        run: man::run,
        is: Declaration {
            words: &["man"],
            about: "Write one page for `man` per command",
            examples: "Examples:
  aisoc man --out ~/.local/share/man/man1   # then: man aisoc-plugin-install",
            risk: Risk::Write,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::ManualPages>),
            ..PLAIN
        },
    },
    &Command {
        run: schema::run,
        is: Declaration {
            words: &["schema"],
            about: "Print the JSON Schema of what a command prints with --json",
            examples: "Examples:
  aisoc schema                     # the names
  aisoc schema plugin install      # of a result
  aisoc schema report              # of warnings and errors",
            risk: Risk::Read,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::PublishedSchemas>),
            ..PLAIN
        },
    },
    &Command {
        run: docs::run,
        is: Declaration {
            words: &["docs"],
            is_hidden: true,
            about: "Write the generated pages of the manual",
            risk: Risk::Write,
            domain: Domain::Manual,
            document: Some(document_schema::<documents::ManualPages>),
            ..PLAIN
        },
    },
];
