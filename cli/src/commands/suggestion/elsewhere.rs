//! Words that other tools have for what ours are for, and what there is where we have none.

/// What somebody meant who typed a word of another tool.
#[derive(Debug, Clone, Copy)]
pub(super) enum Meant {
    /// A command.
    Command(&'static [&'static str]),
    /// Whichever of these options the command has.
    Option(&'static [&'static str]),
    /// Nothing that can be typed in its place. Lower case, as every hint.
    Says(&'static str),
}

/// Words of one meaning, and the meaning.
pub(super) type Row = (&'static [&'static str], Meant);

const LOGINS: &str = "logins are kept with `aisoc registry login ghcr.io -u USER --password-stdin`; those of `docker login`, \
                      `podman login` and `oras login` are read too, and AISOC_REGISTRY_HOST, AISOC_REGISTRY_USERNAME and AISOC_REGISTRY_PASSWORD";
const IN_THE_REFERENCE: &str =
    "registry, repository and tag are one word, the reference: `registry.example/team/my-plugin:1.2.0`";
const NOT_WITHOUT_VERIFYING: &str = "what is verified, and against what, is in `aisoc help trust`";

/// Words in the place of a command: of oras, cosign, docker, helm, kubectl, npm, cargo, apt.
pub(super) const COMMANDS: &[Row] = &[
    (&["remove", "rm", "delete", "del", "purge", "erase"], Meant::Command(&["plugin", "uninstall"])),
    (&["add", "import", "apply"], Meant::Command(&["plugin", "install"])),
    (&["update", "upgrades"], Meant::Command(&["plugin", "upgrade"])),
    (&["updates", "newer"], Meant::Command(&["plugin", "outdated"])),
    (&["fetch", "download", "get", "extract", "unpack"], Meant::Command(&["plugin", "pull"])),
    (&["ls", "listing", "ps", "installed"], Meant::Command(&["plugin", "list"])),
    (&["info", "show", "view", "cat"], Meant::Command(&["plugin", "inspect"])),
    (&["init", "create", "generate", "template"], Meant::Command(&["plugin", "new"])),
    (&["check", "lint", "test"], Meant::Command(&["plugin", "validate"])),
    (&["build", "pack", "archive", "save", "export"], Meant::Command(&["plugin", "package"])),
    (&["upload"], Meant::Command(&["plugin", "push"])),
    (&["cp", "mirror", "promote"], Meant::Command(&["copy"])),
    (&["deploy", "ship"], Meant::Command(&["plugin", "release"])),
    (&["key", "genkey", "gen-key", "keypair", "generate-key-pair"], Meant::Command(&["plugin", "keygen"])),
    (&["revert", "undo", "downgrade", "restore"], Meant::Command(&["plugin", "rollback"])),
    (&["prune", "clean", "cleanup"], Meant::Command(&["plugin", "gc"])),
    (&["hash", "checksum", "sha256"], Meant::Command(&["plugin", "digest"])),
    (&["status", "audit"], Meant::Command(&["plugins", "verify"])),
    (&["server", "start"], Meant::Command(&["registry", "serve"])),
    (&["errors", "codes"], Meant::Command(&["reasons"])),
    (&["manual", "topics"], Meant::Command(&["help"])),
    (&["catalog", "repositories", "repos"], Meant::Command(&["registry", "ls"])),
    (&["untag", "unpublish"], Meant::Command(&["registry", "delete"])),
    (&["find", "browse"], Meant::Command(&["plugins", "search"])),
    (&["signin"], Meant::Command(&["registry", "login"])),
    (&["signout"], Meant::Command(&["registry", "logout"])),
    (&["auth", "credentials"], Meant::Command(&["registry", "auth", "explain"])),
    (
        &["rotate", "revoke", "keyring"],
        Meant::Says(
            "trusted keys are a directory of PEM files, each limited or revoked by a file beside it: see `aisoc help trust`",
        ),
    ),
    (&["configure", "settings", "env"], Meant::Command(&["config", "show"])),
    (&["set"], Meant::Says("there is no file of settings: options and variables are in `aisoc help commands`")),
];

/// The same below `registry`, where some of them mean something else: of crane, regctl, skopeo.
pub(super) const BELOW_REGISTRY: &[Row] = &[
    (&["list", "listing"], Meant::Command(&["registry", "ls"])),
    (&["rm", "remove", "del"], Meant::Command(&["registry", "delete"])),
    (&["list-tags", "tag"], Meant::Command(&["registry", "tags"])),
];

/// Options, with their dashes.
pub(super) const OPTIONS: &[Row] = &[
    (
        &["--key", "--signing-key", "--sign-key", "--private", "--privkey"],
        Meant::Option(&["--private-key", "--trusted-keys"]),
    ),
    (
        &["--public-key", "--pubkey", "--trusted-key", "--trust-keys", "--key-dir", "--keys-dir", "--keyring"],
        Meant::Option(&["--trusted-keys"]),
    ),
    (
        &["--dir", "--directory", "--path", "--plugin", "--plugin-directory", "--plugins", "--root"],
        Meant::Option(&["--plugin-dir", "--plugins-dir"]),
    ),
    (
        &["--output", "-o", "--out-dir", "--out-file", "--dest", "--destination", "--target"],
        Meant::Option(&["--out", "--output-dir"]),
    ),
    (&["--format", "--output-format"], Meant::Option(&["--json"])),
    (&["--http", "--plain", "--use-http"], Meant::Option(&["--plain-http"])),
    (&["--ca", "--cacert", "--ca-cert", "--ca-bundle", "--cert"], Meant::Option(&["--ca-file"])),
    (&["--digest", "--sha256", "--checksum", "--expected-digest"], Meant::Option(&["--require-digest"])),
    (&["--timeout", "--wait", "--lock-wait"], Meant::Option(&["--lock-timeout"])),
    (&["--kind"], Meant::Option(&["--type"])),
    (&["-v"], Meant::Option(&["--version", "--explain"])),
    (&["--verbose", "--debug"], Meant::Option(&["--explain"])),
    (&["--silent"], Meant::Option(&["--quiet"])),
    (
        &["--insecure", "-k", "--skip-tls-verify", "--insecure-skip-tls-verify", "--tls-verify"],
        Meant::Says("certificates are always verified: `--ca-file FILE` adds those of a private authority"),
    ),
    (&["--registry", "--repo", "--repository", "--registry-url", "--image", "--host"], Meant::Says(IN_THE_REFERENCE)),
    (&["--version", "--plugin-version"], Meant::Says(IN_THE_REFERENCE)),
    (
        &["--username", "--user", "-u", "--password", "--password-stdin", "-p", "--token", "--authfile"],
        Meant::Says(LOGINS),
    ),
    (
        &["--no-verify", "--skip-verify", "--allow-unsigned", "--unverified", "--insecure-ignore-tlog", "--no-check"],
        Meant::Says(NOT_WITHOUT_VERIFYING),
    ),
    (
        &["--yes", "-y", "--assume-yes", "--no-input", "--non-interactive", "--no-prompt"],
        Meant::Says("this command asks nothing: leave the option out"),
    ),
];
