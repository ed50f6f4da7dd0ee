"""The words that documents are made of: those of every split but ``novel``, and those of ``novel`` alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """One set of words. A document takes all of its names, places and things from one set."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    cities: tuple[str, ...]
    vendor_first: tuple[str, ...]
    vendor_last: tuple[str, ...]
    products: tuple[str, ...]
    form_titles: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    measures: tuple[str, ...]  # columns that only tables of products have
    chart_titles: tuple[str, ...]
    bars: tuple[tuple[str, ...], ...]
    signs: tuple[str, ...]
    numbered_signs: tuple[str, ...]
    forbidden: tuple[str, ...]  # what a sign says NO to


KNOWN = Words(
    first_names=("Ada", "Ben", "Cara", "Dan", "Eva", "Finn", "Gus", "Hana", "Ivo", "Joy", "Kim", "Leo", "Mia", "Noor",
                 "Omar", "Pia"),
    last_names=("Baker", "Brown", "Cook", "Field", "Green", "Hall", "King", "Park", "Singer", "Young"),
    cities=("Berlin", "Lisbon", "London", "Madrid", "Oslo", "Paris", "Rome", "Vienna"),
    vendor_first=("Blue", "City", "Corner", "Green", "Old", "Park", "Red", "River"),
    vendor_last=("Bakery", "Books", "Garden", "Kitchen", "Market", "Shop", "Store"),
    products=("Apples", "Bananas", "Bread", "Butter", "Cake", "Cheese", "Coffee", "Eggs", "Fish", "Flour", "Grapes",
              "Honey", "Jam", "Juice", "Lamp", "Lemons", "Milk", "Oil", "Paper", "Pasta", "Pears", "Pens", "Rice",
              "Salt", "Soap", "Soup", "Sugar", "Tea", "Water"),
    form_titles=("FORM", "TICKET", "INVOICE", "Contract", "Certificate"),
    columns=(("Mon", "Tue", "Wed", "Thu", "Fri"), ("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
             ("2022", "2023", "2024", "2025")),
    measures=("Price", "Stock", "Sales"),
    chart_titles=("Sales", "Visitors", "Costs", "Profit", "Books", "Lunch"),
    bars=(("Mon", "Tue", "Wed", "Thu", "Fri"), ("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
          ("A", "B", "C", "D", "E", "F"), ("Ada", "Ben", "Eva", "Gus", "Ivo", "Joy", "Kim", "Leo", "Mia", "Pia"),
          ("Tea", "Milk", "Rice", "Fish", "Eggs", "Cake")),
    signs=("STOP", "EXIT", "OPEN", "CLOSED", "PUSH", "PULL", "ENTRANCE", "DANGER", "SALE", "TAXI", "WAIT", "WET FLOOR"),
    numbered_signs=("BUS", "COACH", "GATE", "HOUSE", "PLATFORM", "ROOM", "SEAT", "TRAIN"),
    forbidden=("ENTRANCE", "EXIT", "PARKING", "BALL", "BUS", "TAXI"),
)  # fmt: skip

#: Words that no training document shows. Only what a kind of document cannot do without (Date, Total, NO) is shared.
NOVEL = Words(
    first_names=("Amy", "Hugo", "Lucy", "Rob", "Tom", "Vera"),
    last_names=("Carter", "Lake", "Stone", "Wells"),
    cities=("Athens", "Dublin", "Prague", "Warsaw"),
    vendor_first=("Golden", "Harbour", "North", "Silver"),
    vendor_last=("Cafe", "Hotel", "Museum", "Pharmacy"),
    products=("Candle", "Carrots", "Onions", "Pepper", "Scarf", "Socks", "Towel", "Yogurt"),
    form_titles=("Licence", "Visit", "Booking"),
    columns=(("Sat", "Sun"), ("Sep", "Oct", "Nov", "Dec"), ("1997", "1998", "1999")),
    measures=("Left", "Used", "Lost"),
    chart_titles=("Goals", "Points", "Guests"),
    bars=(("Sep", "Oct", "Nov", "Dec"), ("Amy", "Hugo", "Lucy", "Rob", "Tom", "Vera"), ("W", "X", "Y", "Z")),
    signs=("LIFT", "QUIET", "SLOW", "TOILETS", "POLICE", "KEEP LEFT"),
    numbered_signs=("DESK", "FLIGHT", "LEVEL"),
    forbidden=("CAMPING", "DOGS", "SMOKING", "SWIMMING"),
)
