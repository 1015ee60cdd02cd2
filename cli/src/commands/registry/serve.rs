//! `aisoc registry serve`

use std::net::SocketAddr;
use std::sync::Arc;

use aisoc_manifests::address::{Zone, zone};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::ServedRegistry;
use aisoc_pipeline::unless_stopped;
use aisoc_registry_server::{Access, AccessLog, Listeners, ServeOptions, ServerTls, Store, Tell, TellBehind};
use tokio::task::JoinHandle;

use super::super::tls_files::TlsFiles;
use crate::args::registry::ServeArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::{clock, runtime};

/// What keeps a registry private that other machines reach.
const WITH_LOGIN: &str = "say who may ask for what, with `--rights FILE` and `--htpasswd FILE` or `--tokens FILE`, or choose an \
     address of this machine with `--listen 127.0.0.1:0`";
const WITH_TLS: &str = "add `--tls-certificate FILE` and `--tls-private-key FILE`, or choose an address of this machine with \
     `--listen 127.0.0.1:0`";

impl Answer for ServedRegistry {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.address))
    }

    fn goes_on(&self) -> bool {
        true
    }
}

pub(crate) fn run(args: ServeArgs, context: &Context) -> Result<u8> {
    let cancellation = context.cancellation()?.clone();
    let served = runtime::block_on_to_its_end(async {
        // Whoever is asked for an address may take as long as they like.
        let listeners = unless_stopped(&cancellation, listen(&args)).await?;
        let addresses = listeners.addresses()?;
        require_private(&args, &addresses)?;
        let ready = ready(&args, &addresses);
        let files = args.tls_certificate.clone().zip(args.tls_private_key.clone());
        let tls = files.map(|(certificate, key)| TlsFiles::begin(certificate, key, context)).transpose()?;
        let options = options(&args, tls.as_ref().map(TlsFiles::shown), &ready, context)?;
        let store = if args.read_only { Store::open_read_only(&args.dir)? } else { Store::open(&args.dir)? };
        if options.access.is_none() {
            addresses.iter().for_each(|address| warn_about(address, context));
        }
        // Said when it is so and not before: whoever reads it may ask at once. With port 0 nobody else knows it.
        context.output.answer(&ready)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let addresses: Vec<_> = ready.addresses.iter().map(|address| format!("{scheme}://{address}")).collect();
        let object = format!("{} on {}, until Ctrl-C", ready.directory, addresses.join(" and "));
        context.output.status("Serving", object);
        let reread = tls.map(|tls| tokio::spawn(tls.reread_for_ever()));
        let stopped = runtime::stopped(&cancellation);
        let served = aisoc_registry_server::serve_until(listeners, store, options, stopped).await;
        reread.inspect(JoinHandle::abort);
        served
    });
    served.or_else(|fault| if fault.reason() == Reason::Interrupted { Ok(()) } else { Err(fault) }).map(|()| 0)
}

/// Passwords do not go over the network as they are, and nobody but who is on this machine is served without a login, unless
/// somebody has said so.
fn require_private(args: &ServeArgs, addresses: &[SocketAddr]) -> Result<()> {
    let Some(address) = addresses.iter().find(|address| zone(address.ip()) != Zone::Loopback) else { return Ok(()) };
    let (has_login, speaks_tls) = (args.access.rights.is_some(), args.tls_certificate.is_some());
    let refused = |what: &str, hint: &str| {
        let what = format!("{address} can be reached from other machines, and there is no {what}");
        Err(Fault::new(Reason::Usage, what).hint(hint))
    };
    match (has_login, speaks_tls) {
        (false, _) if !args.access.no_login => refused("login", WITH_LOGIN),
        (true, false) if !args.no_tls => refused("TLS", WITH_TLS),
        _ => Ok(()),
    }
}

fn options(
    args: &ServeArgs,
    tls: Option<Arc<ServerTls>>,
    ready: &ServedRegistry,
    context: &Context,
) -> Result<ServeOptions> {
    let mut allowed_hosts = args.allowed_hosts.clone();
    allowed_hosts.extend(args.listen.is_named().then(|| ready.address.clone()));
    let output = context.output.clone();
    let tell: Tell = Arc::new(move |read| match read {
        Ok(()) => output.status("Read", "who may ask for what, anew"),
        Err(fault) => output.warning(Warning::AccessKept, fault.to_string()),
    });
    let access = args.access.clone().files().map(|files| Access::begin(files, clock::now, tell).map(Arc::new));
    let access_log = args.access_log.as_deref().map(|path| match path.as_os_str() == "-" {
        true => AccessLog::to_stdout(clock::now),
        false => AccessLog::to_file(path, clock::now),
    });
    let output = context.output.clone();
    let tell_behind = TellBehind(Arc::new(move |fault| output.warning(Warning::IndexBehind, fault.to_string())));
    Ok(ServeOptions {
        tell_behind: Some(tell_behind),
        allowed_hosts,
        access: access.transpose()?,
        tls,
        read_only: args.read_only,
        access_log: access_log.transpose()?.map(Arc::new),
        ..ServeOptions::default()
    })
}

async fn listen(args: &ServeArgs) -> Result<Listeners> {
    let hint = "choose another address with `--listen 127.0.0.1:0`";
    let addresses = args.listen.addresses().await.map_err(|fault| fault.hint(hint))?;
    Listeners::bind(&addresses).await.map_err(|fault| fault.hint(hint))
}

fn ready(args: &ServeArgs, listening: &[SocketAddr]) -> ServedRegistry {
    let address = listening.first().map_or(args.listen.clone(), |first| args.listen.at(first.port()));
    ServedRegistry {
        address: address.to_string(),
        addresses: listening.iter().map(ToString::to_string).collect(),
        directory: path_text(&args.dir),
        process_id: std::process::id(),
    }
}

fn warn_about(address: &SocketAddr, context: &Context) {
    if zone(address.ip()) != Zone::Loopback {
        let said = format!("{address} is reachable from other machines, and there is no login");
        context.output.warning(Warning::RegistryOpen, said);
    }
}
