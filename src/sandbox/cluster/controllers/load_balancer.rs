//! Names of load balancers: of Services that ask for one, and of Ingresses whose class has a controller.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::object::{self, resources};
use super::super::store::Key;
use super::control::Control;

/// What EKS Auto Mode's ingress controller and AWS's own are called.
const INGRESS_CONTROLLERS: [&str; 2] = ["eks.amazonaws.com/alb", "ingress.k8s.aws/alb"];

/// Gives a Service of type LoadBalancer its name. Answers when, if it is too early.
pub(super) fn service(control: &Control, service: &Value) -> Option<Timestamp> {
    if object::text(service, "/spec/type") != "LoadBalancer" || !assigned(service).is_empty() {
        return None;
    }
    let (name, digest) = (stem(service), digest(service));
    let host = format!("k8s-{name}-{}-{}.elb.{}.amazonaws.com", &digest[..10], &digest[10..26], control.seed.region);
    assign(control, service, &Key::of(&resources::SERVICES, service), ("v1", "Service"), "service", &host)
}

/// Gives an Ingress its name. Answers when, if it is too early.
pub(super) fn ingress(control: &Control, key: &Key) -> Option<Timestamp> {
    let ingress = control.store.get(key)?;
    if object::is_deleting(&ingress) || !assigned(&ingress).is_empty() {
        return None;
    }
    let class = match object::text(&ingress, "/spec/ingressClassName") {
        "" => object::annotation(&ingress, "kubernetes.io/ingress.class"),
        class => class,
    };
    let class = control.store.get(&Key::cluster(&resources::INGRESS_CLASSES, class))?;
    if !INGRESS_CONTROLLERS.contains(&object::text(&class, "/spec/controller")) {
        return None;
    }
    let (name, digest) = (stem(&ingress), digest(&ingress));
    let number = u32::from_str_radix(&digest[10..17], 16).unwrap_or(0);
    let host = format!("k8s-{name}-{}-{number}.{}.elb.amazonaws.com", &digest[..10], control.seed.region);
    assign(control, &ingress, key, ("networking.k8s.io/v1", "Ingress"), "ingress", &host)
}

fn assigned(object: &Value) -> &[Value] {
    object::list(object, "/status/loadBalancer/ingress")
}

/// Namespace and name, as far as a load balancer's name has room for them.
fn stem(object: &Value) -> String {
    let short = |text: &str| -> String { text.chars().filter(char::is_ascii_alphanumeric).take(8).collect() };
    format!("{}-{}", short(object::namespace(object)), short(object::name(object)))
}

fn digest(object: &Value) -> String {
    object::digest(&[object::namespace(object), object::name(object), object::uid(object)])
}

fn assign(
    control: &Control,
    object: &Value,
    key: &Key,
    kind: (&str, &str),
    component: &str,
    host: &str,
) -> Option<Timestamp> {
    let created = object::time(object, "/metadata/creationTimestamp")?;
    let due = object::after(created, control.seed.load_balancer_after.0.max(Duration::from_secs(1)));
    if control.now < due {
        return Some(due);
    }
    control.update(key, |object| object["status"]["loadBalancer"] = json!({"ingress": [{"hostname": host}]}));
    control.event(component, object, kind, "SuccessfullyReconciled", "Successfully reconciled");
    None
}
