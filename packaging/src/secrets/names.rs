//! Names under which tools keep secrets, whatever is in the file.

use aisoc_manifests::path::RelPath;

use super::found::Kind;

/// How the names of our own files and directories begin that are on their way.
const DRAFTS: [&str; 2] = [".aisoc-", ".ingest-"];
/// What editors, package managers and careful people append to a name.
const COPIES: [&str; 18] = [
    ".bak",
    ".backup",
    ".old",
    ".orig",
    ".save",
    ".swp",
    ".swo",
    ".tmp",
    ".copy",
    "~",
    ".txt",
    ".rpmsave",
    ".rpmnew",
    ".rpmorig",
    ".dpkg-old",
    ".dpkg-new",
    ".dpkg-dist",
    ".dpkg-bak",
];
/// What the name of an example has in it.
const EXAMPLES: [&str; 6] = ["example", "sample", "template", "dist", "tpl", "schema"];
const KEY_ENDINGS: [&str; 13] =
    [".key", ".p12", ".pfx", ".pkcs12", ".jks", ".keystore", ".bcfks", ".kdbx", ".kdb", ".ppk", ".p8", ".pk8", ".ovpn"];
/// What SSH's own programs name a key.
const SSH_KEYS: [&str; 7] = ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk", "id_xmss"];
const CREDENTIALS: [&str; 30] = [
    ".npmrc",
    ".pypirc",
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".dockercfg",
    ".dockerconfigjson",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".s3cfg",
    ".boto",
    ".vault-token",
    ".terraformrc",
    "application_default_credentials.json",
    "access_tokens.db",
    "credentials.db",
    "accesstokens.json",
    "azureprofile.json",
    "service-account-key.json",
    "secring.gpg",
    "kubeconfig",
    "kubeconfig.yaml",
    "kubeconfig.yml",
    ".bash_history",
    ".zsh_history",
    ".python_history",
    ".psql_history",
    ".mysql_history",
    ".flaskenv",
];
const CREDENTIAL_ENDINGS: [&str; 2] = [".tfstate", ".kubeconfig"];
/// Directories whose every file is somebody's access to something.
const CREDENTIAL_DIRECTORIES: [&str; 6] =
    [".azure", ".gnupg", ".gcloud", ".config/gcloud", ".aws/sso/cache", ".aws/cli/cache"];
/// What people write into them, of which the content decides alone.
const WRITTEN: [&str; 5] = [".py", ".md", ".rst", ".yml", ".yaml"];
/// A file of a directory, when the name alone would say nothing.
const CREDENTIAL_PATHS: [&str; 10] = [
    ".docker/config.json",
    ".aws/credentials",
    ".aws/config",
    ".kube/config",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".config/git/credentials",
    ".gem/credentials",
    "gh/hosts.yml",
    "containers/auth.json",
];
const SIGNING_KEYS: [&str; 4] = ["signing_key", "signing-key", "private_key", "private-key"];

/// What a file of that name is, if it is a secret whatever is in it.
pub(crate) fn secret_name(path: &RelPath) -> Option<Kind> {
    let lower = path.as_str().to_lowercase();
    let parts: Vec<&str> = lower.split('/').collect();
    let (name, directories) = parts.split_last()?;
    let name = without_copies(name);
    if let Some(kind) = secret_of_directories(directories, name) {
        return Some(kind);
    }
    if KEY_ENDINGS.iter().any(|ending| name.ends_with(ending)) || SIGNING_KEYS.contains(&name) || is_ssh_key(name) {
        return Some("a private key, by its name");
    }
    let is_credential = CREDENTIALS.contains(&name)
        || CREDENTIAL_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || is_environment(name)
        || is_client_secret(name);
    is_credential.then_some("credentials, by its name")
}

fn secret_of_directories(directories: &[&str], name: &str) -> Option<Kind> {
    if directories.contains(&".ssh") {
        let harmless = name == "known_hosts" || name.ends_with(".pub");
        return (!harmless).then_some("a file of SSH, by its name");
    }
    let directory = format!("/{}/", directories.join("/"));
    let path = format!("{directory}{name}");
    let is_kept = CREDENTIAL_PATHS.iter().any(|kept| path.ends_with(&format!("/{kept}")));
    let is_below = CREDENTIAL_DIRECTORIES.iter().any(|kept| directory.contains(&format!("/{kept}/")));
    let is_written = name.starts_with("readme") || WRITTEN.iter().any(|ending| name.ends_with(ending));
    (is_kept || (is_below && !is_written)).then_some("credentials, by its name")
}

/// `id_rsa` and its kind, `id_rsa_github` and `id_rsa-2`, and a host's. The public half is `id_rsa.pub`; any
/// other name that begins so, like `id_list`, says nothing.
fn is_ssh_key(name: &str) -> bool {
    let is_one = |key: &&str| {
        name.strip_prefix(*key).is_some_and(|rest| {
            (rest.is_empty() || rest.starts_with(['_', '-']) || rest.starts_with(|c: char| c.is_ascii_digit()))
                && !rest.contains('.')
        })
    };
    SSH_KEYS.iter().any(is_one) || (name.starts_with("ssh_host_") && name.ends_with("_key"))
}

/// `.env`, `.env.production`, `.env-local`, `production.env`, but no `.env.example`.
fn is_environment(name: &str) -> bool {
    let is_variant = name.strip_prefix(".env").is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']));
    let is_named = name.ends_with(".env") && name.len() > 4;
    name == ".envrc" || ((is_variant || is_named) && !is_example(name))
}

/// What Google gives to applications: `client_secret_123-abc.apps.googleusercontent.com.json`.
fn is_client_secret(name: &str) -> bool {
    name.starts_with("client_secret") && name.ends_with(".json") && !is_example(name)
}

fn is_example(name: &str) -> bool {
    name.split(['.', '-', '_']).any(|word| EXAMPLES.contains(&word))
}

/// The name of what a copy is a copy of: `release.key` for `release.key.bak~`, `.x.key.swp` too.
fn without_copies(name: &str) -> &str {
    let mut name = name;
    let mut is_swap = false;
    while let Some((original, ending)) = without_copy(name) {
        is_swap |= ending.starts_with(".sw");
        name = original;
    }
    // An editor's swap file has a dot before the whole name.
    if is_swap && name.len() > 1 { name.strip_prefix('.').unwrap_or(name) } else { name }
}

/// The name and what was appended to it: one of the known endings, or a number, `release.key.1`.
fn without_copy(name: &str) -> Option<(&str, &str)> {
    let known = COPIES.iter().find_map(|ending| name.strip_suffix(ending).map(|original| (original, *ending)));
    let numbered = || {
        let (original, number) = name.rsplit_once('.')?;
        let digits = number.trim_matches('~');
        let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some((original, number))
    };
    known.or_else(numbered).filter(|(original, _)| !original.is_empty())
}

/// Whether a file of that name is made to hold keys or certificates, in which case nothing in it only
/// speaks of a key.
pub(super) fn is_key_file(path: &RelPath) -> bool {
    let name = path.file_name().to_ascii_lowercase();
    [".pem", ".crt", ".cer", ".cert", ".pub", ".asc"].iter().any(|ending| without_copies(&name).ends_with(ending))
}

/// Whether the name is one that only our own commands give, to what is not finished.
pub(crate) fn is_draft_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    DRAFTS.iter().any(|draft| lower.starts_with(draft))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_secret(path: &str) -> bool {
        secret_name(&RelPath::parse(path).expect("a path")).is_some()
    }

    #[test]
    fn knows_a_secret_by_its_name() {
        for secret in [
            "release.key",
            "X.KEY",
            "release.key.bak",
            "release.key~",
            "release.key.old.orig",
            ".release.key.swp",
            "signing_key",
            "sub/Private-Key",
            "id_rsa",
            "ID_RSA",
            "id_ed25519",
            "id_rsa_github",
            "id_rsa.bak",
            "id_rsa-2",
            "id_ecdsa_sk",
            "keys/id_xmss",
            "ssh_host_ed25519_key",
            "release.key.1",
            "release.key.~1~",
            "release.key.txt",
            "release.key.rpmsave",
            "release.key.dpkg-old",
            ".env-production",
            ".env_local",
            ".flaskenv",
            "a.pkcs12",
            "office.ovpn",
            ".aws/sso/cache/0123abcd.json",
            "home/.config/git/credentials",
            "secring.gpg",
            ".bash_history",
            "client_secret.json",
            "client_secret_123-abc.apps.googleusercontent.com.json",
            "kubeconfig",
            "terraform.tfstate",
            "terraform.tfstate.backup",
            ".ssh/deploy",
            "home/.ssh/id_x",
            ".SSH/authorized_keys",
            ".env",
            ".env.production",
            ".env.local.bak",
            "config/prod.env",
            ".envrc",
            ".npmrc",
            "sub/.pypirc",
            ".netrc",
            "_netrc",
            ".git-credentials",
            ".dockercfg",
            ".docker/config.json",
            ".aws/credentials",
            ".azure/anything.json",
            ".kube/config",
            ".config/gcloud/application_default_credentials.json",
            "application_default_credentials.json",
            "a.p12",
            "a.PFX",
            "a.jks",
            "a.keystore",
            "a.kdbx",
            "a.ppk",
            "a.p12.bak",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
    }

    #[test]
    fn leaves_names_alone_that_only_sound_like_one() {
        for harmless in [
            "key",
            "monkey.py",
            "keys",
            "keys.json",
            "id_rsa.pub",
            "id_tokens.json",
            "lib/id_generator",
            "data/id_list",
            "id_rsa_parser.py",
            ".azure/README",
            ".azure/readme.txt",
            ".azure/pipelines/build.yml",
            ".env-example",
            ".env_sample",
            "client_secret.example.json",
            "client_secrets.py",
            "git/credentials",
            "aws/sso/cache/x.json",
            "lib/libcrypto.so.1",
            "notes.txt",
            "main.tf",
            ".ssh/known_hosts",
            ".ssh/deploy.pub",
            ".env.example",
            ".env.sample",
            ".env.template",
            ".env.example.local",
            "environment.yaml",
            "env.py",
            "docker/config.json",
            "config.json",
            "aws/credentials.py",
            "kube/config",
            "credentials.py",
            "credentials.md",
            "signing_key.py",
            "gcloud/client.py",
            "hosts.yml",
            "~",
            ".bak",
            "npmrc",
            "tests/netrc.py",
        ] {
            assert!(!is_secret(harmless), "{harmless}");
        }
    }

    #[test]
    fn knows_its_own_drafts() {
        for draft in [".aisoc-sign-aB3dEf", ".aisoc-key-x", ".ingest-1", ".AISOC-package-x"] {
            assert!(is_draft_name(draft), "{draft}");
        }
        for other in [".aisocignore", "aisoc-plugin.json", ".ingest", "x.aisoc-key-1"] {
            assert!(!is_draft_name(other), "{other}");
        }
    }

    #[test]
    fn a_copy_is_what_it_is_a_copy_of() {
        for (name, original) in [
            ("release.key", "release.key"),
            ("release.key.bak", "release.key"),
            ("release.key.old.orig~", "release.key"),
            ("release.key.1", "release.key"),
            ("release.key.999", "release.key"),
            ("release.key.1000", "release.key.1000"),
            ("release.key.", "release.key."),
            ("release.key.1a", "release.key.1a"),
            ("release.key.~12~", "release.key"),
            (".release.key.swp", "release.key"),
            (".release.key.swo", "release.key"),
            (".release.key.bak", ".release.key"),
            (".env.swp", "env"),
            ("..env.swp", ".env"),
            (".swp", ".swp"),
            ("~", "~"),
            (".1", ".1"),
        ] {
            assert_eq!(without_copies(name), original, "{name}");
        }
    }

    #[test]
    fn the_kind_says_whether_it_is_a_key_or_a_credential() {
        let kind = |name: &str| secret_name(&RelPath::parse(name).expect("a path"));
        for (name, expected) in [
            ("a.key", Some("a private key, by its name")),
            ("ssh_host_rsa_key", Some("a private key, by its name")),
            (".ssh/anything", Some("a file of SSH, by its name")),
            ("a.tfstate", Some("credentials, by its name")),
            (".gnupg/private-keys-v1.d/x", Some("credentials, by its name")),
            ("ssh_host_rsa_key.pub", None),
            ("my_ssh_host_rsa_key", None),
            (".gnupg/notes.md", None),
            ("x.gnupg/private", None),
            (".envoy", None),
            ("x.env.py", None),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }
}
