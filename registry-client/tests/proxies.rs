//! Through a proxy: what it sees, what it never sees, and what is said when it is in the way.

mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use aisoc_manifests::fault::{Class, Fault, Reason};
use aisoc_registry_client::{
    CertificateFile, Certificates, ClientOptions, Credentials, Fetch as _, Login, PlainHttp, Proxies, ProxyVariable,
    Secret, Target,
};
use aisoc_testkit::proxy::Proxy;
use aisoc_testkit::registry::{self, Registry};
use aisoc_testkit::tls;
use support::{impatient, options, reference, shown, stocked};

/// Through that proxy, for both schemes.
fn through(value: &str) -> Proxies {
    let variable = |name| Some(ProxyVariable { name, value: Secret::new(value) });
    Proxies { http: variable("HTTP_PROXY"), https: variable("HTTPS_PROXY"), exempt: String::new() }
}

fn trusting(name: &str) -> Certificates {
    let file = CertificateFile { named_by: "--ca-file", path: tls::certificate(name) };
    Certificates { added: Some(file), ..Certificates::default() }
}

async fn ask(host: &str, options: &ClientOptions) -> Result<(), Fault> {
    let target = Target::open(&reference(&format!("{host}/plugin:1")), options).expect("a target");
    target.fetch_manifest(None).await.map(|_| ())
}

fn plain(proxies: Proxies) -> ClientOptions {
    ClientOptions { plain_http: PlainHttp::Always, proxies, ..impatient() }
}

fn over_tls(proxies: Proxies) -> ClientOptions {
    ClientOptions { certificates: trusting("issued"), proxies, ..options() }
}

#[tokio::test]
async fn a_proxy_carries_tls_and_sees_neither_the_login_nor_what_is_fetched() {
    let (registry, _) = stocked().await;
    let registry = registry.login(registry::Login::Basic("robot", "s3cret-p4ss"));
    let proxy = Proxy::to(&tls::serve("issued", &registry.host()).to_string());
    let login =
        Login { registry: "registry.corp:9131".into(), username: "robot".into(), password: Secret::new("s3cret-p4ss") };
    let credentials = Credentials { login: Some(login), ..Credentials::default() };
    let options = ClientOptions { credentials, ..over_tls(through(&format!("http://user:pa55@{}", proxy.host()))) };
    ask("registry.corp:9131", &options).await.expect("through the proxy");
    assert!(registry.requests().iter().any(|seen| seen.authorization.is_some()), "the registry was given the login");
    let heads = proxy.heads();
    assert!(!heads.is_empty() && heads.iter().all(|head| head.starts_with("CONNECT registry.corp:9131 HTTP/1.1\r\n")));
    // `user:pa55` is the proxy's own.
    assert!(heads[0].contains("Basic dXNlcjpwYTU1\r\n"), "{}", heads[0]);
    let seen = [heads.concat().into_bytes(), proxy.bytes()].concat();
    for clear in ["s3cret-p4ss", "cm9ib3Q6czNjcmV0LXA0c3M=", "/v2/plugin"] {
        assert!(!seen.windows(clear.len()).any(|part| part == clear.as_bytes()), "`{clear}` was seen by the proxy");
    }
}

#[tokio::test]
async fn the_proxys_login_is_for_the_proxy_and_not_for_the_registry() {
    let (registry, _) = stocked().await;
    let proxy = Proxy::to(&tls::serve("issued", &registry.host()).to_string());
    ask("registry.corp", &over_tls(through(&format!("user:pa55@{}", proxy.host())))).await.expect("through");
    assert!(registry.requests().iter().all(|seen| seen.authorization.is_none()));
}

#[tokio::test]
async fn exempt_hosts_are_reached_without_the_proxy() {
    let (registry, _) = stocked().await;
    let proxy = Proxy::to(&registry.host());
    ask("registry.corp:9131", &plain(through(&proxy.host()))).await.expect("through the proxy");
    assert!(proxy.heads()[0].starts_with("GET http://registry.corp:9131/v2/plugin/manifests/1 "));
    let before = proxy.heads().len();
    // The name leads nowhere: that it is looked up at all says that the proxy is not asked.
    let exempt = Proxies { exempt: "other, registry.corp:9131".into(), ..through(&proxy.host()) };
    let fault = ask("registry.corp:9131", &plain(exempt)).await.expect_err("no such host");
    assert!(fault.message().contains("`registry.corp:9131`"), "{}", shown(&fault));
    assert_eq!(proxy.heads().len(), before);
    ask(&registry.host(), &plain(through("http//no proxy"))).await.expect("this machine needs none");
}

#[tokio::test]
async fn a_proxy_that_is_in_the_way_is_named_and_not_the_registry() {
    // A port that the system gives to nobody who asks for any.
    let dead = "127.0.0.1:1".to_owned();
    let login_required = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    let forbidden = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let unreachable = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
    let answering = |answer| Proxy::answering(answer).host();
    for (options, host, reason, class, words) in [
        (over_tls as fn(_) -> _, dead.clone(), Reason::ProxyUnavailable, Class::Unavailable, "cannot connect to"),
        (plain, dead, Reason::ProxyUnavailable, Class::Unavailable, "cannot connect to"),
        (over_tls, answering(login_required), Reason::ProxyDenied, Class::Failed, "refuses the login"),
        (plain, answering(login_required), Reason::ProxyDenied, Class::Failed, "refuses the login"),
        (over_tls, answering(forbidden), Reason::ProxyUnavailable, Class::Unavailable, "opens no way to"),
        (over_tls, answering(unreachable), Reason::ProxyUnavailable, Class::Unavailable, "opens no way to"),
        (over_tls, answering("nonsense\r\n\r\n"), Reason::ProxyUnavailable, Class::Unavailable, "opens no way to"),
        (over_tls, answering(""), Reason::ProxyUnavailable, Class::Unavailable, "opens no way to"),
    ] {
        let options: ClientOptions = options(through(&format!("http://user:pa55@{host}")));
        let fault = ask("registry.corp", &options).await.expect_err(&host);
        let text = format!("{} {:?}", shown(&fault), fault.next_step());
        assert_eq!((fault.reason(), fault.class()), (reason, class), "{text}");
        assert!(fault.message().contains(words) && fault.message().contains(&format!("`{host}`")), "{text}");
        assert!(fault.message().contains("(HTTP"), "the variable: {text}");
        assert!(!text.contains("pa55"), "{text}");
    }
    let fault = ask("registry.corp", &over_tls(through(&answering(login_required)))).await.expect_err("no login");
    assert!(fault.message().contains("asks for a login"), "{}", shown(&fault));
}

#[tokio::test]
async fn a_proxy_may_speak_tls_itself_and_is_named_when_its_certificate_is_not_taken() {
    let (registry, _) = stocked().await;
    let proxy = Proxy::to(&tls::serve("self", &registry.host()).to_string());
    let front = tls::serve("issued", &proxy.host());
    let both = Certificates { file: trusting("self").added, ..trusting("issued") };
    let url = format!("https://localhost:{}", front.port());
    let options = ClientOptions { certificates: both, ..over_tls(through(&url)) };
    ask("registry.corp", &options).await.expect("through both");
    let options = ClientOptions { certificates: trusting("self"), ..options };
    let fault = ask("registry.corp", &options).await.expect_err("not trusted");
    assert_eq!(fault.reason(), Reason::RegistryTls, "{}", shown(&fault));
    let named = format!("the proxy `localhost:{}` (HTTPS_PROXY)", front.port());
    assert!(fault.message().contains(&named), "{}", shown(&fault));
    // One that does not speak it is not the registry either.
    let plain = registry.host();
    let fault = ask("registry.corp", &over_tls(through(&format!("https://{plain}")))).await.expect_err("plain");
    assert_eq!(fault.reason(), Reason::RegistryTls, "{}", shown(&fault));
    assert!(fault.message().contains(&format!("the proxy `{plain}`")), "{}", shown(&fault));
}

/// The least of RFC 1928: no login, CONNECT, and the name that was asked for.
fn socks(mut stream: TcpStream, server: &str) -> std::io::Result<String> {
    let mut greeting = [0; 2];
    stream.read_exact(&mut greeting)?;
    stream.read_exact(&mut vec![0; greeting[1].into()])?;
    stream.write_all(&[5, 0])?;
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    assert_eq!(head[3], 3, "a name, and not an address that was looked up here");
    let mut name = vec![0; usize::from(head[4]) + 2];
    stream.read_exact(&mut name)?;
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    let mut there = TcpStream::connect(server)?;
    let (mut back, mut out) = (there.try_clone()?, stream.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut back, &mut out));
    std::thread::spawn(move || std::io::copy(&mut stream, &mut there));
    name.truncate(name.len() - 2);
    Ok(String::from_utf8(name).expect("a name"))
}

#[tokio::test]
async fn socks_proxies_resolve_the_name_in_either_spelling() {
    let (registry, _): (Registry, _) = stocked().await;
    let server = tls::serve("issued", &registry.host()).to_string();
    for scheme in ["socks5", "socks5h"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("an address");
        let (sender, names) = mpsc::channel();
        let server = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = sender.send(socks(stream.expect("a connection"), &server).expect("a request"));
            }
        });
        ask("registry.corp", &over_tls(through(&format!("{scheme}://{at}")))).await.expect(scheme);
        assert_eq!(names.recv().expect("a name"), "registry.corp", "{scheme}");
    }
}
