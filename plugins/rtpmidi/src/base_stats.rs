//! The `stats` of the RTP base classes, which our elements' property of the same name hides and extends.

use gst::glib;
use gst::glib::translate::{IntoGlib, ToGlibPtr, ToGlibPtrMut};
use gst::prelude::*;

/// The value of `stats` as the class `base` answers it for `object`.
pub(crate) fn of(object: &impl IsA<glib::Object>, base: glib::Type) -> Option<gst::Structure> {
    let object = object.upcast_ref();
    let class = glib::object::Class::<glib::Object>::from_type(base)?;
    let property = class.find_property("stats").filter(|_| object.type_().is_a(base))?;
    let mut value = glib::Value::from_type(property.value_type());
    // SAFETY: `object` is an instance of `base`, whose class and property these are, and `value` has the property's
    // type: this is the call that `g_object_get_property` makes after it has looked the property up by its name.
    unsafe {
        let property: *mut glib::gobject_ffi::GParamSpec = property.to_glib_none().0;
        let class: *const glib::gobject_ffi::GObjectClass =
            glib::gobject_ffi::g_type_class_peek(base.into_glib()).cast();
        let get = (*class).get_property?;
        get(object.to_glib_none().0, (*property).param_id, value.to_glib_none_mut().0, property);
    }
    value.get().ok()
}
