//! A service in every shape its methods may have, called through its generated client.

use std::sync::{Arc, Mutex, PoisonError};

use fake::typed::{CancelPolicy, IntoService, RunPolicy};
use fake::{CallError, Client, Context, Standard, now};
use linkspan_macros::service;
use serde::{Deserialize, Serialize};

mod fake;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Args {
    a: i64,
    b: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Overflow(String);

/// Arithmetic.
#[service(crate = fake, name = "math.Arith")]
trait Arith {
    /// Multiplies.
    async fn mul(&self, cx: &Context, args: Args) -> Result<i64, Overflow>;
    async fn ping(&self) -> u64;
    async fn caller(&self, cx: &Context) -> String;
    async fn add(&self, a: i64, b: i64) -> i64;
    async fn sum(
        &self,
        cx: &fake::Context,
        first: i64,
        others: Vec<i64>,
    ) -> std::result::Result<i64, Overflow> {
        let mut sum = first;
        for other in others {
            sum = sum.checked_add(other).ok_or_else(|| Overflow(cx.0.clone()))?;
        }
        Ok(sum)
    }
    #[call(one_way)]
    async fn log(&self, cx: &Context, line: String);
    #[call(cancel = "never", run = "blocking")]
    async fn pay(&self, r#type: String, amount: u64) -> Result<(), Overflow>;
    #[call(name = "Other", cancel = "token", run = "spawn")]
    #[deprecated(note = "use `ping`")]
    async fn r#match(&self);
}

#[derive(Default)]
struct Calculator {
    log: Mutex<Vec<String>>,
}

impl Arith for Calculator {
    async fn mul(&self, cx: &Context, args: Args) -> Result<i64, Overflow> {
        args.a.checked_mul(args.b).ok_or_else(|| Overflow(cx.0.clone()))
    }

    async fn ping(&self) -> u64 {
        7
    }

    async fn caller(&self, cx: &Context) -> String {
        cx.0.clone()
    }

    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn log(&self, cx: &Context, line: String) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(format!("{}: {line}", cx.0));
    }

    async fn pay(&self, r#type: String, amount: u64) -> Result<(), Overflow> {
        if amount > 9 { Err(Overflow(r#type)) } else { Ok(()) }
    }

    async fn r#match(&self) {}
}

fn client() -> ArithClient {
    ArithClient::new(&Client::of(ArithServer::new(Calculator::default())))
}

#[test]
fn methods_answer_with_their_values_and_their_own_errors() {
    let client = client();
    assert_eq!(now(client.mul(Args { a: 6, b: 7 })), Ok(42));
    assert_eq!(
        now(client.mul(Args { a: i64::MAX, b: 7 })),
        Err(CallError::Method(Overflow("a caller".to_owned())))
    );
    assert_eq!(now(client.ping()), Ok(7));
    assert_eq!(now(client.clone().caller()), Ok("a caller".to_owned()));
    assert_eq!(now(client.add(40, 2)), Ok(42));
    assert_eq!(now(client.pay("card".to_owned(), 10)), Err(CallError::Method(Overflow("card".to_owned()))));
}

#[test]
fn a_method_with_a_body_needs_no_implementation() {
    assert_eq!(now(client().sum(1, vec![2, 3])), Ok(6));
    assert!(now(client().sum(i64::MAX, vec![1])).is_err());
}

#[test]
fn a_one_way_method_runs() {
    let calculator = Arc::new(Calculator::default());
    let client = ArithClient::new(&Client::of(ArithServer::from_arc(calculator.clone())));
    let _call = client.log("hello".to_owned());
    assert_eq!(*calculator.log.lock().unwrap(), ["a caller: hello"]);
}

#[test]
fn names_and_policies_are_the_ones_chosen() {
    let service = IntoService::<Standard>::into_service(ArithServer::new(Calculator::default()));
    assert_eq!(service.name(), "math.Arith");
    let expected = [
        ("math.Arith/Add", CancelPolicy::Drop, RunPolicy::InPlace),
        ("math.Arith/Caller", CancelPolicy::Drop, RunPolicy::InPlace),
        ("math.Arith/Log", CancelPolicy::Never, RunPolicy::InPlace),
        ("math.Arith/Mul", CancelPolicy::Drop, RunPolicy::InPlace),
        ("math.Arith/Other", CancelPolicy::Token, RunPolicy::Spawn),
        ("math.Arith/Pay", CancelPolicy::Never, RunPolicy::Blocking),
        ("math.Arith/Ping", CancelPolicy::Drop, RunPolicy::InPlace),
        ("math.Arith/Sum", CancelPolicy::Drop, RunPolicy::InPlace),
    ];
    assert_eq!(service.methods(), expected);
}

#[test]
fn arguments_travel_as_nothing_as_themselves_or_by_name() {
    let service = IntoService::<Standard>::into_service(ArithServer::new(Calculator::default()));
    let run = |path: &str, args: &str| service.run(path, args.as_bytes()).unwrap().unwrap();
    assert_eq!(run("math.Arith/Ping", "null"), b"7");
    assert_eq!(run("math.Arith/Mul", r#"{"a":2,"b":3}"#), b"6");
    assert_eq!(run("math.Arith/Add", r#"{"b":2,"a":3}"#), b"5");
    assert_eq!(run("math.Arith/Pay", r#"{"type":"card","amount":1}"#), b"null");
}

#[test]
fn the_wrappers_print_their_names() {
    assert_eq!(format!("{:?}", ArithServer::new(Calculator::default())), "ArithServer { .. }");
    assert!(format!("{:?}", client()).starts_with("ArithClient"));
}
