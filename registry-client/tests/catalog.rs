//! The list of repositories: in pages, as far as it is one, and no further.

mod support;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::registry_host::RegistryHost;
use aisoc_registry_client::options::{Credentials, Login as Given, Secret};
use aisoc_registry_client::{ClientOptions, repositories};
use aisoc_testkit::registry::{Act, Login, Registry, Rule, TokenService};
use support::{impatient, options, push, sample, writing};

const CATALOG: &str = "/v2/_catalog";

async fn listed(registry: &Registry, below: Option<&str>) -> Result<Vec<String>, Fault> {
    listed_with(registry, below, &options()).await
}

async fn listed_with(registry: &Registry, below: Option<&str>, options: &ClientOptions) -> Result<Vec<String>, Fault> {
    repositories(&host(registry), below, options).await
}

fn host(registry: &Registry) -> RegistryHost {
    registry.host().parse().expect("a host")
}

fn with_login(registry: &Registry) -> ClientOptions {
    let login = Given { registry: registry.host(), username: "me".to_owned(), password: Secret::new("hunter2") };
    ClientOptions { credentials: Credentials { login: Some(login), ..Credentials::default() }, ..options() }
}

/// A page of those names, and where the next one is.
fn page(names: &[&str], next: Option<&str>) -> Rule {
    let body = format!("{{\"repositories\":{names:?}}}").into_bytes();
    let link = next.map(|next| ("link", format!("<{next}>; rel=\"next\"")));
    Rule::on(CATALOG, Act::Answer(200, link.into_iter().collect(), body)).times(1)
}

#[tokio::test]
async fn a_real_registry_lists_what_it_holds_page_by_page() {
    let registry = Registry::start();
    assert_eq!(listed(&registry, None).await.expect("a list"), Vec::<String>::new());
    for name in ["zeta", "team/demo", "team/other", "teams/demo", "team"] {
        push(&writing(&registry, &format!("{name}:1")), &sample(0)).await.expect("pushed");
    }
    let all = ["team", "team/demo", "team/other", "teams/demo", "zeta"];
    assert_eq!(listed(&registry, None).await.expect("a list"), all);
    assert_eq!(listed(&registry, Some("team")).await.expect("a list"), all[..3]);
    assert_eq!(listed(&registry, Some("team/demo")).await.expect("a list"), ["team/demo"]);
    assert_eq!(listed(&registry, Some("tea")).await.expect("a list"), Vec::<String>::new());
}

#[tokio::test]
async fn pages_are_followed_and_what_overlaps_is_listed_once() {
    let registry = Registry::with_rules(vec![
        page(&["b", "a"], Some("/v2/_catalog?n=2&last=a")),
        page(&["a", "c"], Some("?n=2&last=c")),
        page(&["d"], None),
    ]);
    assert_eq!(listed(&registry, None).await.expect("a list"), ["a", "b", "c", "d"]);
    let asked: Vec<_> = registry.requests().into_iter().map(|seen| seen.query).collect();
    assert_eq!(asked, ["n=1000", "n=2&last=a", "n=2&last=c"]);
    let none = Rule::on(CATALOG, Act::Answer(200, vec![], br#"{"repositories":null}"#.to_vec()));
    assert_eq!(listed(&Registry::with_rules(vec![none]), None).await.expect("a list"), Vec::<String>::new());
}

#[tokio::test]
async fn a_token_for_the_list_is_asked_for_and_for_nothing_else() {
    let service = TokenService { user: Some(("me", "hunter2")), ..TokenService::default() };
    let registry = Registry::start().login(Login::Bearer(service));
    let options = with_login(&registry);
    listed_with(&registry, None, &options).await.expect("a list");
    let tokens: Vec<_> = registry.requests().into_iter().filter(|seen| seen.path == "/token").collect();
    let [token] = &tokens[..] else { panic!("{tokens:?}") };
    assert!(token.query.contains("scope=registry%3Acatalog%3A*"), "{token:?}");
    let fault = listed(&registry, None).await.expect_err("nobody");
    assert_eq!(fault.reason(), Reason::RegistryDenied);
    assert!(fault.next_step().contains("aisoc registry auth explain"), "{fault:?}");
}

#[tokio::test]
async fn a_registry_without_a_list_says_so_and_what_there_is_instead() {
    for (status, reason) in [
        (401, Reason::RegistryDenied),
        (403, Reason::RegistryDenied),
        (404, Reason::RegistryRefused),
        (405, Reason::RegistryRefused),
        (501, Reason::RegistryRefused),
    ] {
        let registry = Registry::with_rules(vec![Rule::on(CATALOG, Act::Status(status))]);
        let fault = listed(&registry, None).await.expect_err("no list");
        assert_eq!(fault.reason(), reason, "{status}");
        let tags = format!("aisoc registry tags {}/REPOSITORY", registry.host());
        assert!(fault.next_step().contains(&tags), "{status}: {}", fault.next_step());
    }
    let registry = Registry::with_rules(vec![Rule::on(CATALOG, Act::Html)]);
    assert_eq!(listed(&registry, None).await.expect_err("a page").reason(), Reason::RegistryProtocol);
}

#[tokio::test]
async fn a_list_that_leads_round_or_away_is_refused_at_once() {
    let registry = Registry::with_rules(vec![
        page(&["a"], Some("/v2/_catalog?last=a")),
        page(&["b"], Some("/v2/_catalog?n=1000")),
    ]);
    assert_eq!(listed(&registry, None).await.expect_err("round").reason(), Reason::RegistryProtocol);
    assert_eq!(registry.requests().len(), 2);

    let registry = Registry::start();
    let elsewhere = registry.elsewhere();
    for away in [format!("http://{elsewhere}/v2/_catalog?last=a"), format!("//{elsewhere}/x"), "http://[".to_owned()] {
        registry.set_rules(vec![page(&["a"], Some(&away))]);
        let fault = listed_with(&registry, None, &with_login(&registry)).await.expect_err("away");
        assert_eq!(fault.reason(), Reason::RedirectRefused, "{away}");
    }
    for (length, reason) in [(8 << 10, None), ((8 << 10) + 1, Some(Reason::RedirectRefused))] {
        let path = format!("?last={}", "a".repeat(length - "?last=".len()));
        registry.set_rules(vec![page(&["a"], Some(&path)), page(&["b"], None)]);
        assert_eq!(listed(&registry, None).await.err().map(|fault| fault.reason()), reason, "{length}");
    }
    assert!(registry.requests_elsewhere().is_empty());
}

#[tokio::test]
async fn a_name_that_is_none_fails_the_list() {
    let longest = "a".repeat(255);
    let names = ["..", "a/../b", "/a", "a/", "A", "a b", "a\u{1b}[2J", "", "a:1", "a@b", &format!("{longest}a")];
    for name in names {
        let registry = Registry::with_rules(vec![page(&["fine", name], None)]);
        let fault = listed(&registry, None).await.expect_err(name);
        assert_eq!(fault.reason(), Reason::RegistryProtocol, "{name}");
        assert!(!support::shown(&fault).contains('\u{1b}'), "{fault:?}");
    }
    let registry = Registry::with_rules(vec![page(&[&longest], None)]);
    assert_eq!(listed(&registry, None).await.expect("a list"), [longest]);
    for body in ["", "[]", r#"{"repositories":{}}"#, r#"{"repositories":[1]}"#, "nonsense"] {
        let rule = Rule::on(CATALOG, Act::Answer(200, vec![], body.as_bytes().to_vec()));
        let fault = listed(&Registry::with_rules(vec![rule]), None).await.expect_err(body);
        assert_eq!(fault.reason(), Reason::RegistryProtocol, "{body}");
    }
}

/// Pages of so many names each, all different, of which each but the last leads to the next.
fn pages(sizes: &[usize]) -> Vec<Rule> {
    let page = |(number, size): (usize, &usize)| {
        let listed: Vec<String> = (0..*size).map(|name| format!("r{number}-{name}")).collect();
        let next = (number + 1 < sizes.len()).then(|| format!("?last={number}"));
        page(&listed.iter().map(String::as_str).collect::<Vec<_>>(), next.as_deref())
    };
    sizes.iter().enumerate().map(page).collect()
}

#[tokio::test]
async fn a_list_has_a_thousand_pages_and_a_hundred_thousand_names_at_most() {
    let with_last = |last| [&[10_000; 9][..], &[last]].concat();
    for (sizes, expected) in [
        (vec![1; 999], Ok(999)),
        (vec![1; 1_000], Ok(1_000)),
        (vec![1; 1_001], Err(Reason::RegistryProtocol)),
        (with_last(9_999), Ok(99_999)),
        (with_last(10_000), Ok(100_000)),
        (with_last(10_001), Err(Reason::RegistryProtocol)),
        // More than one document may hold.
        (vec![1_000_000], Err(Reason::RegistryProtocol)),
    ] {
        let registry = Registry::with_rules(pages(&sizes));
        let found = listed(&registry, None).await.map(|names| names.len()).map_err(|fault| fault.reason());
        assert_eq!(found, expected, "{} pages, the last of {:?}", sizes.len(), sizes.last());
        assert!(registry.requests().len() <= 1_000);
    }
    // What is not asked for does not count.
    let registry = Registry::with_rules(pages(&with_last(10_001)));
    assert_eq!(listed(&registry, Some("r0-7")).await.expect("a part"), ["r0-7"]);
}

#[tokio::test]
async fn a_list_that_drips_or_hangs_ends() {
    for act in [Act::Silence, Act::StallAfter(3), Act::Drip(std::time::Duration::from_millis(90))] {
        let registry = Registry::with_rules(vec![Rule::on(CATALOG, act.clone())]);
        push(&writing(&registry, &format!("{}:1", "a".repeat(200))), &sample(0)).await.expect("pushed");
        let fault = listed_with(&registry, None, &impatient()).await.expect_err("late");
        assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{act:?}");
    }
}
