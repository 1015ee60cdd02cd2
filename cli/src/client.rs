//! How the registry client is told about this machine: flags, login variables, Docker's config files.

use std::env;
use std::path::PathBuf;

use aisoc_registry_client::{ClientOptions, Credentials, Login, PlainHttp, Secret};

use crate::args::plugin::RegistryArgs;

const USERNAME: &str = "AISOC_REGISTRY_USERNAME";
const PASSWORD: &str = "AISOC_REGISTRY_PASSWORD";

/// The options of the flags and the environment.
pub(crate) fn options(args: &RegistryArgs) -> ClientOptions {
    ClientOptions {
        plain_http: if args.plain_http { PlainHttp::Always } else { PlainHttp::LoopbackOnly },
        credentials: Credentials { login: login(), docker_configs: docker_configs() },
        user_agent: concat!("aisoc/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..ClientOptions::default()
    }
}

/// For CI jobs without a config file. Both or neither. A push sends it to its destination only.
fn login() -> Option<Login> {
    let username = env::var(USERNAME).ok().filter(|username| !username.is_empty())?;
    let password = env::var(PASSWORD).ok()?;
    Some(Login { registry: None, username, password: Secret::new(password) })
}

/// Where `docker login`, `oras login` and `podman login` leave credentials.
fn docker_configs() -> Vec<PathBuf> {
    let directory = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let docker = directory("DOCKER_CONFIG").or_else(|| Some(directory("HOME")?.join(".docker")));
    let podman = directory("REGISTRY_AUTH_FILE")
        .or_else(|| Some(directory("XDG_RUNTIME_DIR")?.join("containers").join("auth.json")));
    docker.map(|docker| docker.join("config.json")).into_iter().chain(podman).collect()
}
