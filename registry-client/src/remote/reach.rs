//! `Reach`: which addresses may be connected to, for one registry.
//!
//! The operator named the registry: it may be anywhere but where no registry is. Whatever the registry
//! names (a redirect, a token service) is on the internet, or on the registry's own host; else a
//! registry could use us to ask what only this machine or its network may ask (SSRF,
//! CVE-2026-49478). A name is judged by the addresses that it leads to, inside the resolver whose
//! answer is connected to: no time is left for a name to lead elsewhere (DNS rebinding).
//!
//! Behind a proxy it is the proxy that resolves names; addresses written as such are judged all the same.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use aisoc_manifests::address::{Zone, is_local_name, is_metadata_service, is_this_machine, zone};
use aisoc_manifests::fault::{Fault, Reason, Result};
use futures_util::future::BoxFuture;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{OnceCell, oneshot};

use super::origin::{authority, is_loopback, literal};

/// How a name becomes addresses.
type Lookup = fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;

/// What one registry may lead to.
pub(super) struct Reach {
    registry: Url,
    /// What the operator named beside it.
    also: Vec<String>,
    /// The registry's own addresses, asked for once: who answers later under its name is somebody else.
    own: OnceCell<Vec<IpAddr>>,
    /// The system's resolver, or a test's.
    lookup: Lookup,
}

/// A name or an address that was not connected to.
#[derive(Debug)]
pub(super) struct OutOfReach {
    host: String,
    leads_to: String,
    /// Whether it is the registry itself, or a place that it names.
    is_registry: bool,
}

impl Reach {
    pub(super) fn new(registry: &Url, also: &[String]) -> Self {
        let also = also.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { registry: registry.clone(), also, own: OnceCell::new(), lookup: |name| Box::pin(system(name)) }
    }

    /// Whether the operator named that host, by the very name: what it leads to is theirs to answer for.
    fn is_named(&self, host: &str) -> bool {
        self.also.iter().any(|named| named == host.trim_start_matches('[').trim_end_matches(']'))
    }

    /// Judges a host that needs no resolver: an address, or a name that is refused wherever it leads.
    pub(super) async fn check(&self, url: &Url) -> Result<()> {
        let host = url.host_str().unwrap_or_default();
        if is_metadata_service(host) {
            return Err(self.out_of_reach(host, &"a cloud's metadata service").fault(&self.registry));
        }
        // A name is not looked up here: what it leads to now need not be what is connected to in a moment.
        let Some(address) = literal(url) else { return Ok(()) };
        let is_registry = self.registry.host_str() == Some(host);
        let reachable = match zone(address) {
            Zone::Never => false,
            Zone::Public => true,
            Zone::Private => is_registry || self.is_named(host) || self.is_same_machine(host, address).await,
            Zone::Loopback => is_registry || self.is_same_machine(host, address).await,
        };
        if reachable { Ok(()) } else { Err(self.out_of_reach(host, &address).fault(&self.registry)) }
    }

    /// The addresses of that name that may be connected to.
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
        // By the very name, to the last dot: `ten.test.` is another spelling that its owner can give another
        // address.
        if self.registry.host_str() == Some(name) {
            return Ok(self.own().await?.to_vec());
        }
        let found = (self.lookup)(name.to_owned()).await?;
        let mut reachable = Vec::new();
        // What leads outside stays, what leads inside goes: a name with both is a way in for whichever
        // address happens to answer.
        for address in &found {
            let is_outside = zone(*address) == Zone::Public && !is_local_name(name);
            let is_named = zone(*address) == Zone::Private && self.is_named(name);
            if is_outside || is_named || self.is_same_machine(name, *address).await {
                reachable.push(*address);
            }
        }
        self.some(name, &found, reachable)
    }

    /// The registry's own addresses. A name that leads to the internet does not lead inside too:
    /// with both, its owner could choose by letting the first fail.
    async fn own(&self) -> Result<&[IpAddr], Box<dyn Error + Send + Sync>> {
        let found = self.own.get_or_try_init(|| async {
            if let Some(address) = literal(&self.registry) {
                return Ok(vec![address]);
            }
            let name = self.registry.host_str().unwrap_or_default();
            let found = (self.lookup)(name.to_owned()).await?;
            let public = found.iter().any(|address| zone(*address) == Zone::Public);
            let wanted = |address: &&IpAddr| match zone(**address) {
                // What is spoken to without TLS is this machine and not what a resolver makes of it.
                _ if is_local_name(name) => zone(**address) == Zone::Loopback,
                Zone::Public => true,
                Zone::Private | Zone::Loopback => !public,
                Zone::Never => false,
            };
            self.some(name, &found, found.iter().filter(wanted).copied().collect())
        });
        found.await.map(Vec::as_slice)
    }

    /// Whether that is a registry of this machine under the other way to write it: `localhost` for its
    /// address, or the address for `localhost`. No other name is taken for the registry's host.
    async fn is_same_machine(&self, host: &str, address: IpAddr) -> bool {
        let same = |own: &IpAddr| own.to_canonical() == address.to_canonical();
        is_loopback(&self.registry)
            && is_this_machine(host)
            && zone(address) == Zone::Loopback
            // Fails closed: a registry whose addresses cannot be found has none.
            && self.own().await.is_ok_and(|own| own.iter().any(same))
    }

    /// The addresses that are left, unless none is: then the first one says why. No address at all is the
    /// resolver's answer, and its own error.
    fn some(
        &self,
        name: &str,
        found: &[IpAddr],
        reachable: Vec<IpAddr>,
    ) -> Result<Vec<IpAddr>, Box<dyn Error + Send + Sync>> {
        match found.first() {
            Some(first) if reachable.is_empty() => Err(self.out_of_reach(name, first).into()),
            _ => Ok(reachable),
        }
    }

    fn out_of_reach(&self, host: &str, leads_to: &dyn fmt::Display) -> OutOfReach {
        let is_registry = self.registry.host_str() == Some(host);
        OutOfReach { host: host.to_owned(), leads_to: leads_to.to_string(), is_registry }
    }
}

impl OutOfReach {
    /// The fault of the registry that leads there, or of the reference that names it.
    pub(super) fn fault(&self, registry: &Url) -> Fault {
        let Self { host, leads_to, is_registry } = self;
        if *is_registry {
            return Fault::new(
                Reason::ForbiddenRegistry,
                format!("`{host}` leads to {leads_to}, where no registry is"),
            );
        }
        let registry = authority(registry);
        let message =
            format!("`{registry}` leads to the internal address `{host}` ({leads_to}), which is not its own host");
        Fault::new(Reason::RedirectRefused, message).hint(format!(
            "if `{host}` is the registry's own token service or store, name it with `--also-reach {host}`; or let \
                 the registry send its blobs itself, in `distribution` with `storage.redirect.disable: true`"
        ))
    }
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` leads to {}", self.host, self.leads_to)
    }
}

impl Error for OutOfReach {}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reach({})", authority(&self.registry))
    }
}

/// Resolves for connections that go straight to where the URL says.
#[derive(Debug)]
pub(super) struct Direct(pub(super) Arc<Reach>);

/// Resolves the name of the operator's proxy, and nothing else.
#[derive(Debug)]
pub(super) struct OnlyProxy(pub(super) String);

impl Resolve for Direct {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = Arc::clone(&self.0);
        Box::pin(async move { reach.addresses(name.as_str()).await.map(sockets) })
    }
}

// The library asks this for the proxy's name. If it ever asked for another, a connection would be made past
// the proxy that the operator set, and past the judgement of addresses.
impl Resolve for OnlyProxy {
    fn resolve(&self, name: Name) -> Resolving {
        let is_proxy = name.as_str().eq_ignore_ascii_case(&self.0);
        Box::pin(async move {
            if !is_proxy {
                return Err(io::Error::other("only the proxy's name is resolved here").into());
            }
            Ok(sockets(system(name.as_str().to_owned()).await?))
        })
    }
}

fn sockets(addresses: Vec<IpAddr>) -> Addrs {
    Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)))
}

/// The system's resolver, on a thread of its own that nobody waits for: a name server that is silent
/// must not keep an interrupted command from ending.
async fn system(name: String) -> io::Result<Vec<IpAddr>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name("resolver".to_owned()).spawn(move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        let _ = sender.send(found.map(|found| found.map(|address| address.ip()).collect()));
    })?;
    receiver.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a-b.test` leads to the addresses `a` and `b` of this list.
    fn fixed(name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let address = |word: &str| match word {
            "public" => "93.184.215.14",
            "other" => "93.184.215.15",
            "ten" => "10.0.0.1",
            "eleven" => "10.0.0.2",
            "here" => "127.0.0.1",
            "six" => "::1",
            "mapped" => "::ffff:127.0.0.1",
            "cloud" => "169.254.169.254",
            "multi" => "224.0.0.1",
            word => panic!("{word}"),
        };
        let words = name.trim_end_matches('.').trim_end_matches(".test").to_owned();
        let words = if words.ends_with("localhost") { "public-here".to_owned() } else { words };
        Box::pin(async move { Ok(words.split('-').map(|word| address(word).parse().expect("an address")).collect()) })
    }

    fn reach(registry: &str) -> Reach {
        Reach { lookup: fixed, ..Reach::new(&Url::parse(registry).expect(registry), &[]) }
    }

    async fn names(registry: &str, name: &str) -> Vec<String> {
        let found = reach(registry).addresses(name).await.unwrap_or_default();
        found.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        for registry in ["https://public.test/", "https://ten.test/", "https://10.0.0.1/", "https://8.8.8.8/"] {
            for name in
                ["here.test", "here.test.", "six.test", "mapped.test", "cloud.test", "eleven.test", "multi.test"]
            {
                assert!(names(registry, name).await.is_empty(), "{registry} to {name}");
            }
            assert_eq!(names(registry, "here-other-cloud.test").await, ["93.184.215.15"], "{registry}");
        }
    }

    #[tokio::test]
    async fn a_registry_inside_may_lead_to_its_own_host_and_to_no_other_name_of_it() {
        assert_eq!(names("https://ten.test/", "ten.test").await, ["10.0.0.1"]);
        assert_eq!(names("https://127.0.0.1/", "localhost").await, ["127.0.0.1"]);
        for (registry, name) in [
            ("https://ten.test/", "eleven-ten.test"),
            ("https://ten.test/", "ten.test."),
            ("https://here.test/", "localhost"),
            ("https://here.test/", "here-six.test"),
            ("https://127.0.0.1/", "here.test"),
            ("https://127.0.0.1/", "localhost."),
            ("https://localhost/", "localhost."),
            ("https://localhost/", "here.test"),
        ] {
            assert!(names(registry, name).await.is_empty(), "{registry} to {name}");
        }
        assert_eq!(names("https://cloud.test/", "cloud.test").await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_host_inside_is_reached_when_the_operator_named_it_and_no_other() {
        let also = ["eleven.test".to_owned(), "10.0.0.2".to_owned(), "here.test".to_owned(), "cloud.test".to_owned()];
        let named = |registry: &str| {
            let url = Url::parse(registry).expect(registry);
            Reach { lookup: fixed, ..Reach::new(&url, &also) }
        };
        let leads = async |registry: &str, name: &str| named(registry).addresses(name).await.unwrap_or_default().len();
        assert_eq!(leads("https://ten.test/", "eleven.test").await, 1);
        assert_eq!(leads("https://public.test/", "eleven.test").await, 1);
        for other in ["eleven-ten.test", "eleven.test.", "here.test", "cloud.test", "ten-eleven.test"] {
            assert_eq!(leads("https://ten.test/", other).await, 0, "{other}");
        }
        let check = async |url: &str| named("https://ten.test/").check(&Url::parse(url).expect(url)).await.is_ok();
        assert!(check("https://10.0.0.2:9000/x").await);
        assert!(!check("https://10.0.0.3/x").await && !check("https://127.0.0.1/x").await);
        assert!(!check("https://169.254.169.254/x").await);
    }

    #[tokio::test]
    async fn a_registry_is_where_its_name_led_first_and_not_outside_and_inside_at_once() {
        assert_eq!(names("https://ten.test/", "ten.test").await, ["10.0.0.1"]);
        assert_eq!(names("https://ten-public.test/", "ten-public.test").await, ["93.184.215.14"]);
        assert_eq!(names("http://localhost:5000/", "localhost").await, ["127.0.0.1"]);
        assert_eq!(names("http://x.localhost:5000/", "x.localhost").await, ["127.0.0.1"]);
        let mut reach = reach("https://public.test/");
        reach.addresses("public.test").await.expect("there");
        reach.lookup = |_| Box::pin(async { Ok(vec!["127.0.0.1".parse().expect("an address")]) });
        let again = reach.addresses("public.test").await.expect("there");
        assert_eq!(again, ["93.184.215.14".parse::<IpAddr>().expect("an address")], "the name was bound again");
    }

    #[tokio::test]
    async fn a_registry_cannot_send_us_to_an_address_inside() {
        let url = |text: &str| Url::parse(text).expect(text);
        let public = reach("https://public.test/");
        for target in [
            "https://169.254.169.254/latest",
            "https://2852039166/",
            "https://0xa9fea9fe/",
            "https://[fd00:ec2::254]/",
            "https://[::ffff:169.254.169.254]/",
            "https://100.100.100.200/",
            "https://10.0.0.1/",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[fd12::1]/",
            "https://198.18.0.1/",
            "https://224.0.0.1/",
            "https://0.0.0.0/",
            "https://metadata.google.internal./",
            "https://x.instance-data.ec2.internal/",
            "https://255.255.255.255/",
        ] {
            let fault = public.check(&url(target)).await.expect_err(target);
            assert_eq!(fault.reason(), Reason::RedirectRefused, "{target}");
        }
        for (registry, target, expected) in [
            ("https://public.test/", "https://93.184.215.14/x", true),
            ("https://10.0.0.1/", "https://10.0.0.1:9000/x", true),
            ("https://ten.test/", "https://10.0.0.1:9000/x", false),
            ("http://here.test/", "http://127.0.0.1/x", false),
            ("http://localhost:5000/", "http://127.0.0.1:5001/x", true),
            ("http://127.0.0.1:5000/", "http://[::1]:5000/x", false),
            ("https://10.0.0.1/", "https://10.0.0.2/x", false),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5001/x", true),
            ("http://127.0.0.1:5000/", "http://127.0.0.2:5000/x", false),
            ("http://169.254.1.1/", "http://169.254.1.1/x", false),
        ] {
            assert_eq!(reach(registry).check(&url(target)).await.is_ok(), expected, "{registry} to {target}");
        }
    }
}
