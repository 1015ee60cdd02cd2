//! How the registry client is told about this machine: flags, login variables, Docker's config files, trusted
//! certificates, proxies.

use aisoc_files::PartialDirectory;
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
use aisoc_manifests::text::shown;
use aisoc_registry_client::options::one_line;
use aisoc_registry_client::{
    CertificateFile, Certificates, ClientOptions, Credentials, KeyReader, Login, PlainHttp, Secret, Timeout, Unreached,
};

use crate::args::plugin::RegistryArgs;
use crate::environment::{
    CA_FILE, Environment, REGISTRY_HOST as HOST, REGISTRY_PASSWORD as PASSWORD, REGISTRY_USERNAME as USERNAME,
};
use crate::secret_file;

/// The options of the flags and the environment.
///
/// # Errors
/// `usage` when the login variables are not all there is to a login, or a variable of proxies is not UTF-8.
pub(crate) fn options(args: &RegistryArgs, environment: &Environment) -> Result<ClientOptions> {
    Ok(ClientOptions {
        plain_http: plain_http(args),
        credentials: credentials(environment)?,
        certificates: certificates(args, environment),
        also_reach: also_reach(args)?,
        proxies: environment.proxies()?,
        unreached: Unreached::remembered(),
        timeout: timeout(args, environment)?,
        sessions: environment.state_directory().map(|directory| PartialDirectory::of_user(&directory)),
        user_agent: concat!("aisoc/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..ClientOptions::default()
    })
}

/// A key of a certificate by which we prove who we are.
const KEY: secret_file::Secret = secret_file::Secret {
    name: "private key",
    reason: Reason::KeyInvalid,
    max_bytes: 64 << 10,
    ways: "name the file of the certificate's private key with `client_key` in registries.toml",
};

/// Reads the keys of client certificates, as every private key is read.
pub(crate) fn key_reader(cancellation: Cancellation) -> KeyReader {
    KeyReader::by(move |path, opened| {
        let (shown, unreadable) = (path.display().to_string(), |error| Fault::io("read", path, error));
        let found = match opened {
            Some(file) => KEY.opened(file, &shown, &cancellation, unreadable)?,
            None => KEY.file(&shown, &cancellation, unreadable)?,
        };
        found.refuse_exposed()
    })
}

/// The flag's before the variable's, from now on.
fn timeout(args: &RegistryArgs, environment: &Environment) -> Result<Option<Timeout>> {
    let length = match args.timeout {
        Some(length) => Some(length),
        None => environment.timeout()?,
    };
    Ok(length.map(|length| Timeout::from_now(length.unsigned_abs())))
}

/// Whoever gives a certificate on the command line means TLS, also on this machine. A variable may be there for
/// other registries.
fn plain_http(args: &RegistryArgs) -> PlainHttp {
    match (args.plain_http, &args.ca_file) {
        (Some(true), _) => PlainHttp::Always,
        (Some(false), _) | (None, Some(_)) => PlainHttp::Never,
        (None, None) => PlainHttp::LoopbackOnly,
    }
}

/// Hosts alone: any port of one is as much inside as any other.
fn also_reach(args: &RegistryArgs) -> Result<Vec<String>> {
    let host = |text: &String| {
        registry(text).filter(|host| !host.contains(':') || host.ends_with(']')).ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{}` is not a host", shown(text, 120)))
                .hint("name the host alone, for example `--also-reach gitlab.corp`")
        })
    };
    args.also_reach.iter().map(|text| host(text).map(|host| host.trim_matches(['[', ']']).to_owned())).collect()
}

/// The flag's file before the variable's, and both beside what the machine trusts.
fn certificates(args: &RegistryArgs, environment: &Environment) -> Certificates {
    let flag = args.ca_file.clone().map(|path| CertificateFile { named_by: "--ca-file", path });
    Certificates { added: flag.or_else(|| environment.certificate_file(CA_FILE)), ..environment.certificates() }
}

/// The login variables, for CI jobs without a config file, and Docker's files. A password is for one host:
/// without its name it is nobody's, because any registry that is named may ask for it.
fn credentials(environment: &Environment) -> Result<Credentials> {
    let docker_configs = environment.docker_configs()?;
    let usage = |text: String| Fault::new(Reason::Usage, text);
    let (username, password) = match (variable(environment, USERNAME)?, variable(environment, PASSWORD)?) {
        (None, None) => return Ok(Credentials { docker_configs, ..Credentials::default() }),
        (Some(username), Some(password)) => (username, Secret::new(password)),
        (username, _) => {
            let (set, unset) = if username.is_some() { (USERNAME, PASSWORD) } else { (PASSWORD, USERNAME) };
            let hint = format!("set {unset} too, or unset {set}");
            return Err(usage(format!("{set} is set, and {unset} is not")).hint(hint));
        }
    };
    let Some(host) = variable(environment, HOST)? else {
        let unused = Some(format!(
            "{USERNAME} and {PASSWORD} are not used, because {HOST} does not say for which host they are"
        ));
        return Ok(Credentials { docker_configs, unused, ..Credentials::default() });
    };
    let registry = registry(&host).ok_or_else(|| {
        usage(format!("{HOST} is not host[:port]")).hint(format!("set {HOST} to the host alone, for example `ghcr.io`"))
    })?;
    let unused = Some(format!("{USERNAME} and {PASSWORD} are for `{registry}`"));
    Ok(Credentials { login: Some(Login { registry, username, password }), docker_configs, unused, limit: None })
}

/// A variable without the line break that `echo` puts behind what a job stores in it.
fn variable(environment: &Environment, name: &str) -> Result<Option<String>> {
    let text = environment.text(name)?;
    let line = text.as_deref().map(|text| {
        one_line(text).ok_or_else(|| {
            Fault::new(Reason::Usage, format!("{name} holds a line break or another control character"))
                .hint(format!("set {name} to one line, for example with `printf %s` in place of `echo`"))
        })
    });
    Ok(line.transpose()?.filter(|line| !line.is_empty()).map(str::to_owned))
}

/// The host as a reference to something on it names it.
fn registry(host: &str) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host);
    match format!("{host}/any").parse().ok()? {
        Reference::Registry(reference) if reference.tag().is_none() && reference.repository() == "any" => {
            Some(reference.registry())
        }
        _ => None,
    }
}
