//! `aisoc registry serve`

use std::net::SocketAddr;

use aisoc_manifests::address::{Zone, zone};
use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::ServedRegistry;
use aisoc_registry_server::{Listeners, ServeOptions, Store};

use crate::args::registry::ServeArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};
use crate::runtime;

impl Answer for ServedRegistry {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.address))
    }

    fn goes_on(&self) -> bool {
        true
    }
}

pub(crate) fn serve(args: ServeArgs, context: &Context) -> Result<u8> {
    let served = runtime::block_on(context.cancellation()?, async {
        let listeners = listen(&args).await?;
        let store = Store::open(&args.dir)?;
        let ready = ready(&args, &listeners.addresses()?);
        let mut allowed_hosts = args.allowed_hosts;
        allowed_hosts.extend(args.listen.is_named().then(|| ready.address.clone()));
        for address in &ready.addresses {
            warn_about(address, context);
        }
        // Said when it is so and not before: whoever reads it may ask at once. With port 0 nobody else knows it.
        context.output.answer(&ready)?;
        let addresses: Vec<_> = ready.addresses.iter().map(|address| format!("http://{address}")).collect();
        let object = format!("{} on {}, until Ctrl-C", ready.directory, addresses.join(" and "));
        context.output.status("Serving", object);
        aisoc_registry_server::serve(listeners, store, ServeOptions { allowed_hosts, ..ServeOptions::default() }).await
    });
    served.or_else(|fault| if fault.reason() == Reason::Interrupted { Ok(()) } else { Err(fault) }).map(|()| 0)
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

fn warn_about(address: &str, context: &Context) {
    let is_loopback = address.parse().is_ok_and(|address: SocketAddr| zone(address.ip()) == Zone::Loopback);
    if !is_loopback {
        let said = format!("{address} is reachable from other machines, and there is no login");
        context.output.warning(Warning::RegistryOpen, said);
    }
}
