/// The made-up town: who sells, who brings orders, where, and what breaks.
enum Names {
    static let merchants: [StaticString] = [
        "ada-bakery", "anchor-fish-bar", "banh-mi-corner", "blue-door-pizza", "casa-oliva", "cedar-kebab",
        "chez-lucie", "corner-ramen", "curry-lane", "daily-greens", "dosa-house", "dumpling-yard",
        "east-gate-noodles", "falafel-no-9", "fig-and-thyme", "golden-wok", "green-bowl", "harbor-burgers",
        "hummus-lab", "ivy-cafe", "juniper-deli", "kimchi-kitchen", "la-piazza", "lantern-pho",
        "little-tbilisi", "maple-diner", "market-salads", "mill-street-bagels", "mumbai-express",
        "nonna-rosa",
        "north-end-tacos", "old-town-grill", "orchard-pharmacy", "park-sushi", "plum-bistro", "river-cafe",
        "rosa-mexicana", "saffron-table", "sunday-roast", "thai-garden", "tin-roof-barbecue",
        "village-grocer",
    ]
    /// Weights: some merchants sell more than others.
    static let merchantWeights: [Int] = merchants.indices.map { 3 + ($0 * 7919) % 11 }
    static let zones: [StaticString] = [
        "campus", "harbor", "mill-quarter", "north-end", "old-town", "riverside",
    ]
    /// The last one is our own shop: it sends no offers.
    static let sources: [StaticString] = ["dishdash", "quickbite", "townmarket", "direct"]
    static let sourceWeights = [40, 28, 14, 18]
    static let rejections: [StaticString] = ["no_robot_available", "out_of_zone", "too_far", "store_closed"]

    struct Fault {
        let code: StaticString
        let message: StaticString
        /// What the delivery is said to have failed of.
        let failure: StaticString
        let weight: Int
        /// Seconds from the fault until the robot may drive again.
        let repair: ClosedRange<Double>
    }

    static let faults: [Fault] = [
        Fault(
            code: "LID_ERROR", message: "lid does not lock", failure: "CARGO_INACCESSIBLE", weight: 34,
            repair: 480...2700),
        Fault(
            code: "GPS_DRIFT", message: "position differs from the map", failure: "LOCALIZATION_LOST",
            weight: 16, repair: 300...1500),
        Fault(
            code: "COMMS_LOST", message: "no answer for 30 s", failure: "ROBOT_UNREACHABLE", weight: 14,
            repair: 240...1800),
        Fault(
            code: "WHEEL_STALL", message: "front left wheel does not turn", failure: "ROBOT_IMMOBILE",
            weight: 12, repair: 1200...5400),
        Fault(
            code: "BATTERY_LOW", message: "below the reserve", failure: "ROBOT_IMMOBILE", weight: 9,
            repair: 2400...5400),
        Fault(
            code: "OBSTACLE_TIMEOUT", message: "path blocked for 5 min", failure: "ROUTE_BLOCKED", weight: 8,
            repair: 300...1200),
        Fault(
            code: "CAMERA_FAULT", message: "no image from the rear camera", failure: "LOCALIZATION_LOST",
            weight: 4, repair: 1800...7200),
        Fault(
            code: "MOTOR_OVERHEAT", message: "drive above 95 C", failure: "ROBOT_IMMOBILE", weight: 3,
            repair: 1200...3600),
    ]
    static let faultWeights = faults.map(\.weight)

    /// Demand over the day in half hours from midnight: lunch around 12:30, dinner around 19:00.
    static let demandWeights: [Int] = [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 6, 7, 6, 6, 8, 11, 20, 32, 40, 42, 34, 24, 15, 11, 9,
        9,
        11, 14, 22, 33, 44, 50, 48, 40, 28, 20, 12, 7, 3, 0, 0, 0,
    ]
}

/// What a robot is doing, by the word its events use.
enum RobotState: Int, CaseIterable {
    case offDuty, parked, deployed, idle, toPickup, atPickup, toDropoff, atDropoff, returning, charging
    case grounded, maintenance

    var word: StaticString {
        switch self {
        case .offDuty: "off_duty"
        case .parked: "parked"
        case .deployed: "deployed"
        case .idle: "idle"
        case .toPickup: "to_pickup"
        case .atPickup: "at_pickup"
        case .toDropoff: "to_dropoff"
        case .atDropoff: "at_dropoff"
        case .returning: "returning"
        case .charging: "charging"
        case .grounded: "grounded"
        case .maintenance: "maintenance"
        }
    }

    /// Whether a fault is something new in it.
    var canFail: Bool {
        switch self {
        case .offDuty, .parked, .grounded, .maintenance, .charging: false
        case .deployed, .idle, .toPickup, .atPickup, .toDropoff, .atDropoff, .returning: true
        }
    }
}
