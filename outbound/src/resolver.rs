//! Addresses, judged in the resolver whose answer is connected to.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::task::{Context, Poll};

use aisoc_manifests::address::{Zone, is_local_name, is_metadata_service, zone};
use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::oneshot;
use tower_service::Service;
use url::Url;

/// Where the operator lets a destination lead. The second one is the wider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// To the internet.
    Outside,
    /// To this machine and its network as well.
    Inside,
}

impl Side {
    /// Refuses a connection that has ended at this machine where that is not inside. A machine may have an address of the
    /// internet, which no range tells: the system takes it for its own at both ends.
    pub(crate) fn require_of(self, host: &str, peer: IpAddr, local: IpAddr) -> Result<(), OutOfReach> {
        match self == Self::Outside && peer.to_canonical() == local.to_canonical() {
            true => Err(OutOfReach { host: host.to_owned(), leads_to: format!("{peer}, this machine") }),
            false => Ok(()),
        }
    }

    fn takes(self, name: Option<&str>, address: IpAddr) -> bool {
        match zone(address) {
            Zone::Never => false,
            Zone::Public => self == Self::Inside || !name.is_some_and(is_local_name),
            Zone::Private | Zone::Loopback => self == Self::Inside,
        }
    }

    /// Judges a host that no resolver is asked for: an address, or a name that is refused wherever it leads.
    pub(crate) fn judge(self, url: &Url) -> Result<(), OutOfReach> {
        let host = url.host_str().unwrap_or_default();
        let leads_to = match literal(url) {
            _ if is_metadata_service(host) => "a cloud's metadata service".to_owned(),
            Some(address) if !self.takes(None, address) => address.to_string(),
            _ => return Ok(()),
        };
        Err(OutOfReach { host: host.to_owned(), leads_to })
    }
}

/// The address that the URL spells out, if its host is one. `Url` has read numeric forms already (`127.1`, `0x7f000001`).
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// A name or an address that was not connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutOfReach {
    pub(crate) host: String,
    pub(crate) leads_to: String,
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` leads to {}", self.host, self.leads_to)
    }
}

impl Error for OutOfReach {}

/// How a name becomes addresses.
pub(crate) type Lookup = fn(&str) -> io::Result<Vec<IpAddr>>;

/// The system's resolver, or a test's, of which only those addresses are left that the side takes.
#[derive(Clone)]
pub(crate) struct Judged {
    pub(crate) side: Side,
    pub(crate) lookup: Lookup,
}

impl Judged {
    /// What leads outside stays, what leads inside goes: a name with both is a way in for whichever address happens to
    /// answer.
    fn left(&self, name: &str, found: &[IpAddr]) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
        let left: Vec<IpAddr> = found.iter().copied().filter(|found| self.side.takes(Some(name), *found)).collect();
        match found.first() {
            Some(first) if left.is_empty() => {
                Err(OutOfReach { host: name.to_owned(), leads_to: first.to_string() }.into())
            }
            _ => Ok(left),
        }
    }
}

impl Service<Name> for Judged {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let judged = self.clone();
        Box::pin(async move {
            let name = name.as_str().to_owned();
            // On a thread of its own that nobody waits for: a name server that is silent must not keep a host from ending.
            let (sender, receiver) = oneshot::channel();
            let (lookup, asked) = (judged.lookup, name.clone());
            std::thread::Builder::new().name("resolver".to_owned()).spawn(move || {
                let _ = sender.send(lookup(&asked));
            })?;
            let left = judged.left(&name, &receiver.await??)?;
            let sockets: Vec<SocketAddr> = left.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(sockets.into_iter())
        })
    }
}

/// What the system says.
pub(crate) fn system(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|found| found.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(side: Side, name: &str, found: &[&str]) -> Option<Vec<String>> {
        let found: Vec<IpAddr> = found.iter().map(|address| address.parse().expect("an address")).collect();
        let left = Judged { side, lookup: system }.left(name, &found).ok()?;
        Some(left.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn this_machine_is_not_outside_by_whatever_address() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        for (side, peer, local, is_let) in [
            (Side::Outside, "8.8.4.4", "8.8.4.4", false),
            (Side::Outside, "::ffff:8.8.4.4", "8.8.4.4", false),
            (Side::Outside, "8.8.4.4", "8.8.4.5", true),
            (Side::Inside, "8.8.4.4", "8.8.4.4", true),
        ] {
            assert_eq!(side.require_of("x", address(peer), address(local)).is_ok(), is_let, "{peer} {local}");
        }
    }

    #[test]
    fn of_what_a_name_leads_to_that_is_left_which_its_side_takes() {
        let some = |addresses: &[&str]| Some(addresses.iter().map(|address| (*address).to_owned()).collect::<Vec<_>>());
        assert_eq!(left(Side::Outside, "a.test", &["8.8.8.8", "10.0.0.1", "127.0.0.1"]), some(&["8.8.8.8"]));
        for inside in ["10.0.0.1", "127.0.0.1", "::1", "::ffff:127.0.0.1", "192.168.1.1", "fd00::1", "100.64.0.1"] {
            assert_eq!(left(Side::Outside, "a.test", &[inside]), None, "{inside}");
            assert_eq!(left(Side::Inside, "a.test", &[inside]).map(|left| left.len()), Some(1), "{inside}");
        }
        for never in ["169.254.169.254", "0.0.0.0", "224.0.0.1", "fd00:ec2::254", "255.255.255.255"] {
            assert_eq!(left(Side::Inside, "a.test", &[never]), None, "{never}");
        }
        assert_eq!(
            left(Side::Outside, "x.localhost", &["8.8.8.8"]),
            None,
            "that is this machine, whatever a resolver says"
        );
        assert_eq!(left(Side::Outside, "a.test", &[]), Some(Vec::new()), "the resolver's own answer");
    }

    #[test]
    fn an_address_that_is_written_out_is_judged_without_a_resolver() {
        let judge = |side: Side, url: &str| side.judge(&Url::parse(url).expect(url)).is_ok();
        for url in ["https://8.8.8.8/", "https://a.test/", "https://[2606:4700::1111]/"] {
            assert!(judge(Side::Outside, url), "{url}");
        }
        for url in ["https://10.0.0.1/", "https://127.1/", "https://[::1]/", "https://0x7f000001/"] {
            assert!(!judge(Side::Outside, url) && judge(Side::Inside, url), "{url}");
        }
        for url in ["https://169.254.169.254/", "https://metadata.google.internal./", "https://2852039166/"] {
            assert!(!judge(Side::Inside, url), "{url}");
        }
    }
}
