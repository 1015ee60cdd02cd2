//! `aisoc registry serve`

use aisoc_manifests::address::{Zone, zone};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_registry_server::ServeOptions;

use crate::args::registry::ServeArgs;
use crate::context::Context;
use crate::output;
use crate::runtime;

pub(crate) fn serve(args: ServeArgs, context: &Context) -> Result<u8> {
    if zone(args.listen.ip()) != Zone::Loopback {
        context.output.warning(format!("{} is reachable from other machines, and there is no login", args.listen));
    }
    runtime::block_on(context.cancellation()?, async {
        let listener = tokio::net::TcpListener::bind(args.listen).await.map_err(|error| {
            Fault::new(Reason::IoError, format!("cannot listen on {}", args.listen))
                .caused_by(error)
                .hint("choose another address with `--listen 127.0.0.1:0`")
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| Fault::new(Reason::IoError, "the listener has no address").caused_by(error))?;
        let store = aisoc_registry_server::Store::open(&args.dir)?;
        // The address is the result: with port 0 nobody else knows it.
        output::print(&format!("{address}\n"))?;
        context.output.status("Serving", format!("{} on http://{address}, until Ctrl-C", args.dir.display()));
        let options = ServeOptions { allowed_hosts: args.allowed_hosts, ..ServeOptions::default() };
        aisoc_registry_server::serve(listener, store, options).await
    })
    .or_else(|fault| if fault.reason() == Reason::Interrupted { Ok(()) } else { Err(fault) })
    .map(|()| 0)
}
