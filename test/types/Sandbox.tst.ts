import * as Sandbox from "effect-suprsend/Sandbox"
import { describe, expect, it } from "tstyche"

describe("the endpoints of a fault", () => {
  it("are those that the sandbox serves, in every spelling", () => {
    expect(Sandbox.on).type.toBeCallableWith("POST /event/", Sandbox.resetPeer)
    expect(Sandbox.on).type.toBeCallableWith("/event/", Sandbox.resetPeer)
    expect(Sandbox.on).type.toBeCallableWith("* /event/", Sandbox.resetPeer)
    expect(Sandbox.on).type.toBeCallableWith("*", Sandbox.resetPeer)
    expect(Sandbox.on).type.toBeCallableWith("GET /v1/user/", Sandbox.resetPeer)
    expect(Sandbox.on).type.toBeCallableWith("GET /v1/user/*/", Sandbox.resetPeer)
    expect(Sandbox.on).type.toBeCallableWith("GET /v1/user/{distinct_id}/", Sandbox.resetPeer)
    expect(Sandbox.on).type.toBeCallableWith("PATCH /v1/user/{id}/tenant/*/", Sandbox.resetPeer)
    expect(Sandbox.on).type.toBeCallableWith("GET /v1/user/{id}/tenant/", Sandbox.resetPeer)
    expect(Sandbox.on).type.toBeCallableWith("PATCH /v1/user/{id}/preference/category/{c}/", Sandbox.resetPeer)
    expect(Sandbox.on).type.toBeCallableWith("PATCH /v1/bulk/user/preference/reset/", Sandbox.resetPeer)
  })

  it("are no others", () => {
    expect(Sandbox.on).type.not.toBeCallableWith("POST /events", Sandbox.resetPeer)
    expect(Sandbox.on).type.not.toBeCallableWith("POST /event", Sandbox.resetPeer)
    expect(Sandbox.on).type.not.toBeCallableWith("GET /event/", Sandbox.resetPeer)
    expect(Sandbox.on).type.not.toBeCallableWith("PUT /v1/user/*/", Sandbox.resetPeer)
    expect(Sandbox.on).type.not.toBeCallableWith("GET /v1/users/", Sandbox.resetPeer)
    expect(Sandbox.on).type.not.toBeCallableWith("POST /v1/user/*/mrege/", Sandbox.resetPeer)
    expect(Sandbox.on).type.not.toBeCallableWith("", Sandbox.resetPeer)
    expect(Sandbox.on).type.not.toBeCallableWith(String("POST /event/"), Sandbox.resetPeer)
  })
})

describe("credentials", () => {
  it("are complete", () => {
    expect(Sandbox.apiKeyCredentials.workspaceUid).type.toBe<string>()
    expect(Sandbox.apiKeyCredentials.baseUrl).type.toBe<string>()
  })
})
