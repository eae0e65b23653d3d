use super::*;
use crate::options;
use crate::service::Cancel;

fn parse(item: &str) -> syn::Result<Service> {
    let options = Options::parse(options::Attribute::Service, TokenStream::new()).unwrap();
    Service::parse(options, item.parse().unwrap())
}

fn only_method(signature: &str) -> Method {
    parse(&format!("trait Arith {{ {signature} }}")).unwrap().methods.remove(0)
}

fn messages(signature: &str) -> Vec<String> {
    let error = parse(&format!("trait Arith {{ {signature} }}")).err().unwrap();
    error.into_iter().map(|error| error.to_string()).collect()
}

#[test]
fn the_answer_is_told_from_how_the_return_type_is_written() {
    let answer = |output: &str| only_method(&format!("async fn m(&self) {output};")).answer;
    assert!(matches!(answer(""), Answer::Infallible(_)));
    assert!(matches!(answer("-> Vec<Result<u8, u8>>"), Answer::Infallible(_)));
    assert!(matches!(answer("-> Result<u8, E>"), Answer::Fallible(_)));
    assert!(matches!(answer("-> std::result::Result<(), E>"), Answer::Fallible(_)));
    for alias in ["-> Result<u8>", "-> std::fmt::Result"] {
        let messages = messages(&format!("async fn m(&self) {alias};"));
        assert_eq!(messages, ["both types cross the wire: write `Result<Reply, Fault>`, not an alias"]);
    }
}

#[test]
fn the_context_is_no_argument() {
    let method = only_method("async fn m(&self, cx: &linkspan::Context, n: u8);");
    assert!(method.has_context);
    assert_eq!(method.payload.ty().to_string(), "u8");
    assert!(!only_method("async fn m(&self, n: u8);").has_context);
}

#[test]
fn a_misplaced_context_is_named_once() {
    for argument in ["cx: Context", "cx: &mut Context", "cx: &'a Context"] {
        let messages = messages(&format!("async fn m(&self, {argument});"));
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(messages[0].starts_with("take the context as `&Context`"), "{messages:?}");
    }
    let late = messages("async fn m(&self, n: u8, cx: &Context);");
    assert_eq!(late, ["the context comes first, right after `&self`"]);
}

#[test]
fn options_choose_name_and_policy() {
    let method = only_method(r#"#[call(name = "shop.Pay", cancel = "never")] async fn pay(&self);"#);
    assert_eq!((method.path.as_str(), method.cancel), ("Arith/shop.Pay", Cancel::Never));
    let method = only_method("#[call(one_way)] async fn get_it(&self) -> ();");
    assert!(matches!(method.answer, Answer::OneWay));
    assert_eq!(method.path, "Arith/GetIt");
}

#[test]
fn all_mistakes_are_found_in_one_go() {
    let messages = messages("fn a(&self); async fn b(&mut self, s: &str); async fn c(); const X: u8;");
    assert_eq!(messages.len(), 5, "{messages:?}");
}

#[test]
fn two_methods_share_neither_a_path_nor_a_struct() {
    let path = messages(r#"async fn mul(&self); #[call(name = "Mul")] async fn other(&self);"#);
    assert!(path[0].contains("are both `Arith/Mul` on the wire"), "{path:?}");
    let structs =
        messages(r#"async fn m(&self, a: u8, b: u8); #[call(name = "N")] async fn m_(&self, a: u8, b: u8);"#);
    assert!(structs[0].contains("both generate `ArithMArgs`"), "{structs:?}");
}
