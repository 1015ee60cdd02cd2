//! Names under which tools keep secrets, whatever is in the file.

use aisoc_manifests::path::RelPath;

use super::Kind;

/// How the names of our own files and directories begin that are on their way.
const DRAFTS: [&str; 2] = [".aisoc-", ".ingest-"];
/// What editors and careful people append to a name.
const COPIES: [&str; 10] = [".bak", ".backup", ".old", ".orig", ".save", ".swp", ".swo", ".tmp", ".copy", "~"];
/// What an example of a settings file ends in.
const EXAMPLES: [&str; 5] = [".example", ".sample", ".template", ".dist", ".tpl"];
const KEY_ENDINGS: [&str; 11] =
    [".key", ".p12", ".pfx", ".jks", ".keystore", ".bcfks", ".kdbx", ".kdb", ".ppk", ".p8", ".pk8"];
const CREDENTIALS: [&str; 20] = [
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
];
/// Directories whose every file is somebody's access to something.
const CREDENTIAL_DIRECTORIES: [&str; 3] = [".azure", ".gnupg", ".gcloud"];
/// A file of a directory, when the name alone would say nothing.
const CREDENTIAL_PATHS: [(&str, &str); 9] = [
    (".docker", "config.json"),
    (".aws", "credentials"),
    (".aws", "config"),
    (".kube", "config"),
    (".cargo", "credentials"),
    (".cargo", "credentials.toml"),
    (".gem", "credentials"),
    ("gh", "hosts.yml"),
    ("containers", "auth.json"),
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
    // `id_rsa` and its kind, and what people make of it: `id_deploy`. The public half is `id_rsa.pub`.
    let ssh = || name.starts_with("id_") && !name.contains('.');
    if KEY_ENDINGS.iter().any(|ending| name.ends_with(ending)) || SIGNING_KEYS.contains(&name) || ssh() {
        return Some("a private key, by its name");
    }
    (CREDENTIALS.contains(&name) || is_environment(name)).then_some("credentials, by its name")
}

fn secret_of_directories(directories: &[&str], name: &str) -> Option<Kind> {
    if directories.contains(&".ssh") {
        let harmless = name == "known_hosts" || name.ends_with(".pub");
        return (!harmless).then_some("a file of SSH, by its name");
    }
    let is_kept = |(directory, file): &(&str, &str)| directories.last() == Some(directory) && name == *file;
    let is_below = directories.iter().any(|directory| CREDENTIAL_DIRECTORIES.contains(directory))
        || directories.windows(2).any(|pair| pair == [".config", "gcloud"]);
    let is_code = name.ends_with(".py") || name.ends_with(".md");
    (CREDENTIAL_PATHS.iter().any(is_kept) || (is_below && !is_code)).then_some("credentials, by its name")
}

/// `.env`, `.env.production`, `production.env`, but no `.env.example`.
fn is_environment(name: &str) -> bool {
    let is_example = EXAMPLES.iter().any(|ending| name.ends_with(ending) || name.contains(&format!("{ending}.")));
    (name == ".env" || name.starts_with(".env.") || name == ".envrc" || (name.ends_with(".env") && name.len() > 4))
        && !is_example
}

/// The name of what a copy is a copy of: `release.key` for `release.key.bak~`, `.x.key.swp` too.
fn without_copies(name: &str) -> &str {
    let mut name = name;
    let mut is_swap = false;
    while let Some(ending) = COPIES.iter().find(|ending| name.len() > ending.len() && name.ends_with(**ending)) {
        is_swap |= ending.starts_with(".sw");
        name = &name[..name.len() - ending.len()];
    }
    // An editor's swap file has a dot before the whole name.
    if is_swap && name.len() > 1 { name.strip_prefix('.').unwrap_or(name) } else { name }
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
            "id_deploy",
            "id_rsa.bak",
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
}
