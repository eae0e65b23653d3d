//! Notifications pushed through the generated push, and read back as generated events.

use fake::typed::{Event, NotificationRef};
use fake::{Error, Gap, Notification, Other, Push, Recorder, Standard, arrival, now};
use linkspan_macros::notifications;

mod fake;

/// A clock.
#[notifications(crate = fake)]
trait Ticks {
    /// It ticked.
    fn tick(n: u64);
    fn hand_moved(x: f64, r#type: String);
    fn ended();
}

#[notifications(crate = fake, name = "shop.Orders", stack = fake::Other)]
pub trait Orders {
    fn placed(order: String);
}

fn decode(notification: &Notification) -> Result<TicksEvent, Error> {
    <TicksEvent as Event<Standard>>::decode(&NotificationRef(notification))
}

#[test]
fn what_is_pushed_arrives_as_an_event() {
    let recorder = Recorder::default();
    let ticks = TicksPush::new(recorder.clone());
    now(ticks.tick(7)).unwrap();
    now(ticks.hand_moved(0.5, "hour".to_owned())).unwrap();
    ticks.try_ended().unwrap();
    ticks.clone().try_tick(8).unwrap();

    let arrivals = recorder.arrivals();
    let paths: Vec<_> = arrivals.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["Ticks/Tick", "Ticks/HandMoved", "Ticks/Ended", "Ticks/Tick"]);
    let events: Vec<_> = arrivals.iter().map(|(_, notification)| decode(notification).unwrap()).collect();
    match events.as_slice() {
        [
            TicksEvent::Tick { n: 7 },
            TicksEvent::HandMoved { x: 0.5, r#type },
            TicksEvent::Ended,
            TicksEvent::Tick { n: 8 },
        ] => assert_eq!(r#type, "hour"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn several_arguments_travel_by_name_and_one_as_itself() {
    let body = |push: &Push| String::from_utf8(arrival(push).1.body.to_vec()).unwrap();
    assert_eq!(body(&TicksPush::tick_push(7)), "7");
    assert_eq!(body(&TicksPush::hand_moved_push(0.5, "a".to_owned())), r#"{"x":0.5,"type":"a"}"#);
    assert_eq!(body(&TicksPush::ended_push()), "null");
}

#[test]
fn what_is_unknown_or_lost_is_an_event_too() {
    let later = Notification { method: "Later".to_owned(), body: b"{}".as_slice().into() };
    assert!(matches!(decode(&later).unwrap(), TicksEvent::Unknown(unknown) if unknown == later));
    let gap = <TicksEvent as Event<Standard>>::gap(Gap(3));
    assert!(matches!(gap, TicksEvent::Gap(Gap(3))));
}

#[test]
fn a_body_of_another_type_is_an_error() {
    let wrong = Notification { method: "Tick".to_owned(), body: b"\"seven\"".as_slice().into() };
    assert!(decode(&wrong).is_err());
}

#[test]
fn the_stack_is_chosen_on_the_trait_or_by_the_user() {
    assert_eq!(<OrdersEvent as Event<Other>>::SERVICE, "shop.Orders");
    let recorder = Recorder::default();
    OrdersPush::new(recorder.clone()).try_placed("tea".to_owned()).unwrap();
    let standard: OrdersPush<Recorder, Standard> = OrdersPush::with_stack(recorder.clone());
    standard.try_placed("cake".to_owned()).unwrap();
    assert_eq!(recorder.arrivals().len(), 2);
    assert_eq!(OrdersPush::placed_push("tea".to_owned()).path(), "shop.Orders/Placed");
}

#[test]
fn a_push_prints_its_sink() {
    let push = TicksPush::new(Recorder::default()).clone();
    assert!(format!("{push:?}").starts_with("TicksPush { sink: Recorder("), "{push:?}");
}
