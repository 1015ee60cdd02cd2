//! The operator's way to a host: HTTP on this machine.

mod asking;
mod audit;
mod body;
mod connections;
mod events;
mod handed;
mod hooks;
mod installing;
mod listening;
mod listing;
mod login;
mod metrics;
mod names;
mod openapi;
mod places;
mod problem;
mod request;
mod routes;
mod socket_file;

use std::future::Future;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use aisoc_connections::Descriptors;
use aisoc_manifests::fault::{Fault, Reason, Result};
use tokio::task::JoinSet;

use self::asking::Api;
use self::connections::Connections;
pub use self::handed::Handed;
use self::listening::Arrived;
pub use self::listening::Listener;
use self::metrics::Metrics;
use self::routes::router;
use crate::access::Logins;
use crate::asker::Asker;
use crate::host::Host;

/// How soon it is noticed that a plugin has ended.
const ROUND: Duration = Duration::from_millis(200);

/// Looks for plugins, and answers operators who show a token that `logins` knows, or everybody where there are none, until
/// `stop` is ready; then lets requests that have begun end, and every plugin go.
///
/// # Errors
/// `io_error` when the listener breaks. `looked` is told once it has looked for plugins, and of what that failed, which is no
/// end.
pub async fn serve(
    host: Arc<Host>,
    logins: Option<Arc<Logins>>,
    listener: Listener,
    stop: impl Future<Output = ()>,
    looked: impl FnOnce(Option<Fault>) + Send + 'static,
) -> Result<()> {
    let connections = Connections::new();
    let descriptors = Descriptors::raised(connections.slots());
    let api = Api::new(Arc::clone(&host), logins, Metrics::new(connections.slots(), &host.hooks.metrics));
    let discovering = Arc::clone(&host);
    let first = tokio::task::spawn_blocking(move || looked(discovering.discover(&Asker::host()).err()));
    let attending = attend(&host)?;
    let router = router(api);
    let mut stop = pin!(stop);
    loop {
        let come_in = async {
            let Arrived { stream, peer, way } = listener.accept(&descriptors).await?;
            // Nothing where its machine has its share already.
            Ok::<_, Fault>(connections.take(peer).await.map(|taken| (stream, way, taken)))
        };
        let taken = tokio::select! {
            taken = come_in => taken?,
            () = &mut stop => break,
        };
        if let Some((stream, way, taken)) = taken {
            connections.serve(stream, way, taken, router.clone());
        }
    }
    host.wind_down();
    drop(attending);
    drop(listener);
    host.feed().end();
    connections.end().await;
    // What is being loaded is told to stop, and everything else ends here: no plugin outlives its host.
    let _ = tokio::task::spawn_blocking(move || host.end()).await;
    let _ = first.await;
    Ok(())
}

/// Looks after plugins until what it gives is dropped. Each thing goes its own way: a plugin that takes long to come up
/// keeps no revocation waiting.
fn attend(host: &Arc<Host>) -> Result<(JoinSet<()>, [Sender<()>; 2])> {
    let steps: [fn(&Arc<Host>); 8] = [
        |host| host.notice_ends(),
        Host::retry,
        |host| host.rest_round(),
        |host| host.settle_round(),
        |host| host.journal_round(),
        |host| host.audit_round(),
        |host| host.health_round(),
        |host| host.forget_list_round(),
    ];
    let alone = [
        on_its_own("looking", Arc::clone(host), |host| host.look_round())?,
        on_its_own("judging", Arc::clone(host), |host| host.judge_round())?,
    ];
    Ok((steps.into_iter().map(|step| again_and_again(Arc::clone(host), step)).collect(), alone))
}

async fn again_and_again(host: Arc<Host>, step: fn(&Arc<Host>)) {
    loop {
        tokio::time::sleep(ROUND).await;
        let host = Arc::clone(&host);
        let _ = tokio::task::spawn_blocking(move || step(&host)).await;
    }
}

/// A step that takes much memory for a moment, again and again until what this gives is dropped. On a thread of its own: the
/// allocator keeps what was taken for the thread that has taken it, and threads of a pool would keep it each.
fn on_its_own(name: &str, host: Arc<Host>, step: fn(&Host)) -> Result<Sender<()>> {
    let (going, gone) = mpsc::channel();
    let run = move || {
        while gone.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
            // As it is with the others: one that fails is not the last one.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| step(&host)));
        }
    };
    let failed = |error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error);
    thread::Builder::new().name(name.to_owned()).spawn(run).map_err(failed)?;
    Ok(going)
}
