//! One file drives both sides; one line of it changes the road, and nothing else.

use std::time::Duration;

use linkspan::config::Config;
use linkspan::{Client, ErrorKind, Server};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

#[linkspan::service]
trait Arith {
    async fn mul(&self, cx: &linkspan::Context, a: i64, b: i64) -> i64;
}

struct Calculator;

impl Arith for Calculator {
    async fn mul(&self, _: &linkspan::Context, a: i64, b: i64) -> i64 {
        a * b
    }
}

async fn codec_of(server: linkspan::ServerBuilder, client: linkspan::ClientBuilder, url: &str) -> String {
    let server = server.service(ArithServer::new(Calculator)).listen(url).start().await.unwrap();
    let client = timeout(PATIENCE, client.connect(url)).await.unwrap().unwrap();
    assert_eq!(ArithClient::new(&client).mul(6, 7).await.unwrap(), 42);
    let codec = client.session().codec().to_owned();
    server.shutdown().await;
    codec
}

#[tokio::test]
async fn a_client_offers_its_codecs_in_the_order_it_was_told() {
    let client = || Client::builder().codecs(["postcard", "json"]);
    let url = "mem://codecs-of-the-client";
    assert_eq!(codec_of(Server::builder(), client(), url).await, "postcard");
    assert_eq!(codec_of(Server::builder(), client(), &format!("{url}?codec=json")).await, "json");
    assert_eq!(codec_of(Server::builder(), Client::builder().codecs(["json"]), url).await, "json");
}

#[tokio::test]
async fn a_server_takes_the_first_of_its_own_codecs_that_is_offered() {
    let server = || Server::builder().codecs(["postcard", "json"]);
    let client = || Client::builder().codecs(["json", "postcard"]);
    let url = "mem://codecs-of-the-server";
    assert_eq!(codec_of(Server::builder(), client(), url).await, "json");
    assert_eq!(codec_of(server(), client(), url).await, "postcard");
    assert_eq!(codec_of(server(), Client::builder().codecs(["json"]), url).await, "json");
}

#[tokio::test]
async fn a_codec_that_a_server_was_not_told_is_refused() {
    let url = "mem://codecs-refused";
    let server = Server::builder().codecs(["postcard"]).listen(url).start().await.unwrap();
    let refused = Client::builder().codecs(["json"]).connect(url).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::UnsupportedCodec);
    assert!(refused.to_string().ends_with("this server has postcard"), "{refused}");
    server.shutdown().await;
}

#[tokio::test]
async fn codecs_that_are_not_of_the_stack_are_refused_by_both_builders() {
    let url = "mem://codecs-unknown";
    let server = Server::builder().codecs(["bson"]).listen(url).start().await.unwrap_err();
    let client = Client::builder().codecs(["bson"]).connect(url).await.unwrap_err();
    for error in [server, client] {
        assert_eq!(error.kind(), ErrorKind::UnsupportedCodec);
        assert!(error.to_string().starts_with("no codec `bson` here; known: json, "), "{error}");
    }
}

#[tokio::test]
async fn limits_and_codecs_of_a_file_hold_on_both_sides() {
    let text = "codecs = ['postcard']\n[server]\nlisten = ['mem://limited']\n[client]\nendpoint = 'mem://limited'\n\
                [limits]\nmax_connections = 1";
    let config = Config::from_toml(text).unwrap();
    let server = config.server().unwrap().service(ArithServer::new(Calculator)).start().await.unwrap();
    let client = timeout(PATIENCE, config.connect()).await.unwrap().unwrap();
    assert_eq!(client.session().codec(), "postcard");
    let second = timeout(PATIENCE, config.connect()).await.unwrap().unwrap_err();
    assert_eq!(second.kind(), ErrorKind::AtCapacity);
    server.shutdown().await;
}
