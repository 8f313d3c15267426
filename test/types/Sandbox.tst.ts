import * as Sandbox from "effect-suprsend/Sandbox"
import { describe, expect, it } from "tstyche"

describe("the endpoints of a fault", () => {
  it("are those that the sandbox serves, in every spelling", () => {
    expect(Sandbox.on).type.toBeCallableWith("POST /event/", Sandbox.cut)
    expect(Sandbox.on).type.toBeCallableWith("/event/", Sandbox.cut)
    expect(Sandbox.on).type.toBeCallableWith("* /event/", Sandbox.cut)
    expect(Sandbox.on).type.toBeCallableWith("*", Sandbox.cut)
    expect(Sandbox.on).type.toBeCallableWith("GET /v1/user/", Sandbox.cut)
    expect(Sandbox.on).type.toBeCallableWith("GET /v1/user/*/", Sandbox.cut)
    expect(Sandbox.on).type.toBeCallableWith("GET /v1/user/{distinct_id}/", Sandbox.cut)
    expect(Sandbox.on).type.toBeCallableWith("PATCH /v1/user/{id}/tenant/*/", Sandbox.cut)
    expect(Sandbox.on).type.toBeCallableWith("GET /v1/user/{id}/tenant/", Sandbox.cut)
    expect(Sandbox.on).type.toBeCallableWith("PATCH /v1/user/{id}/preference/category/{c}/", Sandbox.cut)
    expect(Sandbox.on).type.toBeCallableWith("PATCH /v1/bulk/user/preference/reset/", Sandbox.cut)
  })

  it("are no others", () => {
    expect(Sandbox.on).type.not.toBeCallableWith("POST /events", Sandbox.cut)
    expect(Sandbox.on).type.not.toBeCallableWith("POST /event", Sandbox.cut)
    expect(Sandbox.on).type.not.toBeCallableWith("GET /event/", Sandbox.cut)
    expect(Sandbox.on).type.not.toBeCallableWith("PUT /v1/user/*/", Sandbox.cut)
    expect(Sandbox.on).type.not.toBeCallableWith("GET /v1/users/", Sandbox.cut)
    expect(Sandbox.on).type.not.toBeCallableWith("POST /v1/user/*/mrege/", Sandbox.cut)
    expect(Sandbox.on).type.not.toBeCallableWith("", Sandbox.cut)
    expect(Sandbox.on).type.not.toBeCallableWith(String("POST /event/"), Sandbox.cut)
  })
})

describe("credentials", () => {
  it("are complete", () => {
    expect(Sandbox.apiKeyCredentials.workspaceUid).type.toBe<string>()
    expect(Sandbox.apiKeyCredentials.baseUrl).type.toBe<string>()
  })
})
